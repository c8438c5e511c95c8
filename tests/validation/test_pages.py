"""What the docs say of the suite's answers is what was measured, by the code that there is."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from benchmarks.validation.__main__ import main
from benchmarks.validation.gate.page import measured_gate
from benchmarks.validation.gate.proof import current_gate
from benchmarks.validation.locator.hostile import hostile_trial
from benchmarks.validation.locator.page import save as truth_page
from benchmarks.validation.locator.truth import truth
from docs.build import gate
from tests.made import silent

ROOT = Path(__file__).parents[2]
PROOF = ROOT / "docs" / "gate-proof.md"


def test_proof_page_states_whether_gate_has_changed() -> None:
    """Else its numbers are taken for those of code that nobody proved."""
    page = PROOF.read_text(encoding="utf-8")
    is_todays = measured_gate(page) == current_gate()
    assert ("The gate's code has changed since" in page) != is_todays, (
        f"{PROOF.relative_to(ROOT)}: `python -m benchmarks.validation proof --report` says anew of "
        "which gate it is; `make proof` measures this one (an hour on an idle machine)"
    )


@pytest.mark.slow
def test_proof_page_equals_stored_runs(tmp_path: Path) -> None:
    """Its tables beside it too, of which it links each and no other."""
    page = Path(shutil.copy(PROOF, tmp_path))
    shutil.copytree(PROOF.with_suffix(""), page.with_suffix(""))
    gate.write(page, ROOT / "results")
    text = page.read_text(encoding="utf-8")
    assert text == PROOF.read_text(encoding="utf-8")
    tables, committed = (
        {path.name: path.read_text("utf-8") for path in file.with_suffix("").iterdir()}
        for file in (page, PROOF)
    )
    assert tables == committed
    assert sorted(re.findall(rf"\({page.stem}/([^)]+)\)", text)) == sorted(tables)


@pytest.mark.slow
def test_fastest_page_equals_stored_run(
    results_of_record: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By today's code: what each training takes, and how good the picks are."""
    monkeypatch.chdir(results_of_record.parent)
    page = Path(shutil.copy(ROOT / "docs" / "fastest-validation.md", tmp_path))
    assert main(["fastest", "--report", "--save", str(page)]) == 0
    assert page.read_text() == (ROOT / "docs" / "fastest-validation.md").read_text()


def test_cases_are_the_same_for_the_same_seed(tmp_path: Path) -> None:
    """None is wrong and decided; the page says how to try them again."""
    one, two = (truth(4, 3, silent, each=1, names=["equal steps"]) for _ in range(2))
    assert (one.trials, one.hostile, one.map) == (two.trials, two.hostile, two.map)
    assert not any(trial.sure and not trial.right for trial in one.trials)
    page = truth_page(tmp_path / "truth.md", one)
    assert "truth --cases 4 --seed 3 --each 1`" in page.read_text(encoding="utf-8")


def test_three_runs_of_a_world_hold_what_their_states_hide() -> None:
    """Of one run, in a state of its own, four intervals of ten hold the crossover."""
    trials = [hostile_trial(("normal state", seed, False, 3)) for seed in range(30)]
    held = [trial.covered for trial in trials if trial.covered is not None]
    assert sum(held) >= 0.85 * len(held) > 0
    assert not any(trial.range_wrong for trial in trials)


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("truth --save /proc/no/truth.md", "/proc/no/truth.md: cannot be written"),
        ("truth --worlds flat", "unknown world 'flat'"),
        ("fastest --budget 0", "--budget takes minutes, above 0"),
        ("fastest --report --results {folder}", "no run of `make fastest`: leave out --report"),
        ("proof --report --results {folder}", "no run yet: leave out --report"),
    ],
)
def test_wrong_usage_is_one_line(
    words: str, error: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words.format(folder=tmp_path).split()) == 2
    printed = capsys.readouterr().err
    assert printed.splitlines()[-1].startswith("error: ")
    assert error in printed
