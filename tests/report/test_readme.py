from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from benchmarks import busy
from benchmarks.validation.fastest.page import BLOCK
from perceptron.analysis.stored.runs import judge_ladder, judge_race
from perceptron.errors import UserError
from perceptron.records.readers.stored_runs import read_run
from perceptron.records.speeds import Speeds, newest_speeds
from perceptron.report import readme
from perceptron.report.charts.finding import finding_figure
from perceptron.report.newest_runs import shown_runs
from tests.made import (
    BACKENDS,
    GPU_FACTS,
    GPU_NAME,
    LADDER,
    MAP,
    WHOLE,
    gpu_rows,
    keep,
    keep_race,
    ladder_rows,
    map_rows,
    race_rows,
)


def test_the_pages_show_what_the_committed_results_say(results_of_record: Path) -> None:
    """No number in a block was typed by hand: `make readme` would change nothing."""
    results = results_of_record
    runs = shown_runs(results)
    pages = readme.filled(runs, newest_speeds(results))
    assert pages.keys() == readme.PAGES.keys()
    for page, text in pages.items():
        assert (readme.ROOT / page).read_text(encoding="utf-8") == text
    written = "".join(pages.values())
    for name in readme.pictures(runs):
        assert f"]({name})" in written or f"](docs/{name})" in written
        assert (readme.ROOT / "docs" / name).is_file()


def test_no_page_has_a_block_that_nothing_fills() -> None:
    """`make readme` fills all but those that two commands measure and write: `make fastest` and
    `benchmarks.busy --answers`."""
    for page in (readme.ROOT / "README.md", *(readme.ROOT / "docs").glob("*.md")):
        blocks = re.findall(r"<!-- begin: (\S+) -->", page.read_text(encoding="utf-8"))
        name = page.relative_to(readme.ROOT).as_posix()
        own = [BLOCK] if name == "docs/fastest.md" else [*readme.PAGES.get(name, ())]
        own += [busy.ANSWERS] if name == "docs/how-sure.md" else []
        assert sorted(blocks) == sorted(own), name


def test_a_missing_place_is_named() -> None:
    with pytest.raises(UserError, match=r"README\.md: no place for 'finding'"):
        readme.fill("nothing", {"finding": "x"})
    with pytest.raises(UserError, match=r"docs/gate\.md: no place for 'proof'"):
        readme.fill("nothing", {"proof": "x"}, "docs/gate.md")


def test_a_proof_that_is_not_there_is_told_with_the_command_that_makes_it(tmp_path: Path) -> None:
    page = tmp_path / "gate-proof.md"
    with pytest.raises(UserError, match="`make proof` writes it"):
        readme.proof_blocks(page)
    page.write_text("# Nothing yet\n")
    with pytest.raises(UserError, match="holds no table"):
        readme.proof_blocks(page)


def test_the_ladder_of_batches_is_shown_as_soon_as_there_is_one(tmp_path: Path) -> None:
    """Its rungs and its phases, and where its rows are."""
    missing = readme.batch_blocks(None)["ladder-batches"]
    assert missing == "Not measured yet: `perceptron overhead --problem digits` does."
    ladder = judge_ladder(read_run(keep(tmp_path, LADDER | {"problem": "digits"}, ladder_rows())))
    block = readme.batch_blocks(ladder)["ladder-batches"]
    assert "| torch-cpu | float32 | 101" in block
    assert "| torch-cpu | backward |" in block
    assert "3 fresh processes each" in block


def test_speeds_are_shown_as_soon_as_there_are_any() -> None:
    assert readme.speeds_blocks(None) == {"speeds": "Not measured yet: `make targets` does."}
    speeds = Speeds(machine="box", cpu="", cores=2, code="", when="", command="it")
    assert readme.speeds_blocks(speeds)["speeds"].startswith("`it`,")


def test_the_gate_is_told_by_the_first_table_of_its_proof(tmp_path: Path) -> None:
    page = tmp_path / "gate-proof.md"
    page.write_text("# Title\n\n| a |\n|---|\n| 1 |\n\ntext\n\n| b |\n|---|\n")
    assert readme.proof_blocks(page) == {"proof": "| a |\n|---|\n| 1 |"}


def test_the_comparison_with_other_tools_shows_rows_of_the_proof(tmp_path: Path) -> None:
    """False alarms of every rule, and what each finds of one slowdown: whatever else is there."""
    page = tmp_path / "gate-proof.md"
    head = "| a | b |\n|---|---|\n"
    sections = {
        "False alarms: runs": "| quiet | 0 % |\n| busy | 1 % |\n",
        "Found in replays by the clock alone: slowdowns": "| 3 % | 40 % |\n| 5 % | 99 % |\n",
        "Found in replays: more work put in": "| 2 % | 100 % |\n| 5 % | 100 % |\n",
    }
    page.write_text(
        f"# Title\n\n{head}| 1 | 2 |\n"
        + "".join(f"\n## {title}\n\n{head}{rows}" for title, rows in sections.items())
    )
    assert readme.rule_blocks(page) == {
        "false-alarms": f"{head}| quiet | 0 % |\n| busy | 1 % |",
        "found-by-time": f"{head}| 5 % | 99 % |",
        "found-by-work": f"{head}| 2 % | 100 % |",
    }


def test_a_proof_that_lacks_what_is_compared_is_told_with_the_command(tmp_path: Path) -> None:
    page = tmp_path / "gate-proof.md"
    page.write_text("# Title\n\n## False alarms\n\nnone yet\n\n## Other\n\n| a |\n|---|\n")
    with pytest.raises(UserError, match="no table below 'False alarms'; `make proof`"):
        readme.rule_blocks(page)
    table = "| a |\n|---|\n| 10 % |\n"
    titles = ("False alarms", "Found in replays by the clock alone", "Found in replays: more work")
    page.write_text("".join(f"## {title}\n\n{table}\n" for title in titles))
    with pytest.raises(UserError, match=r"no row '\| 5 % \|' below 'Found in replays by"):
        readme.rule_blocks(page)


@pytest.fixture
def with_a_gpu(results_of_record: Path, tmp_path: Path) -> Path:
    """Return the results of record and a newer whole run of a machine with a GPU."""
    results = tmp_path / "results"
    shutil.copytree(results_of_record, results)
    about: dict[str, Any] = {"machine": "gpu-box", "folder": "gpu-box", "facts": GPU_FACTS}
    keep(results, WHOLE, gpu_rows(), started="2999-01-01T00:00:00Z", **about)
    keep(results, MAP, map_rows(backends=BACKENDS), started="2999-01-02T00:00:00Z", **about)
    return results


def test_a_newer_run_with_a_gpu_adds_its_own_block_and_changes_no_other(
    results_of_record: Path, with_a_gpu: Path
) -> None:
    """The CPU's finding stays, byte for byte; the GPU has its finding, crossovers and ground."""
    before = readme.filled(shown_runs(results_of_record), None)
    after = readme.filled(shown_runs(with_a_gpu), None)

    def without_gpus(page: str) -> str:
        return re.sub(r"(?s)<!-- begin: gpus.*?<!-- end: gpus", "", page)

    assert {page: without_gpus(text) for page, text in before.items()} == {
        page: without_gpus(text) for page, text in after.items()
    }
    assert "No GPU was measured yet" in before["README.md"]
    for page in ("README.md", "docs/findings.md"):
        shown = after[page]
        assert "No GPU was measured yet" not in shown
        assert shown.count(f"{GPU_NAME} beside Abacus 5000, 2 cores") == 1
        assert "`results/runs/gpu-box/2999-01-01T000000Z`" in shown
        assert "torch-cuda from " in shown
    short, full = after["README.md"], after["docs/findings.md"]
    assert f"**{GPU_NAME}**: 10,000 iterations on the OR gate: numpy-published 40.4" in short
    assert "`mlp-width` numpy → torch-cuda: torch-cuda from" in short
    assert "numpy → torch-cpu: " not in short.split("begin: gpus")[1].split("end: gpus")[0]
    assert f"### {GPU_NAME}\n\n| backend | dtype |" in full
    assert "| torch-cuda | float32 | 1.51" in full
    assert "The map: numpy wins" in full
    assert "torch-cuda wins" in full


def test_the_third_bar_of_the_finding_is_the_gpu_s(
    results_of_record: Path, with_a_gpu: Path
) -> None:
    """By the GPU's name, and with what the others took on its machine; no other figure changes."""
    before = readme.pictures(shown_runs(results_of_record))
    after = readme.pictures(shown_runs(with_a_gpu))
    assert {name for name in before if after[name] != before[name]} == {"finding.svg"}
    (own,) = after.keys() - before.keys()
    assert own == "map-slide-rule-9000.svg"
    assert "torch-cuda" in after[own]
    assert f"]({own})" in readme.filled(shown_runs(with_a_gpu), None)["docs/findings.md"]
    assert GPU_NAME in after["finding.svg"]
    assert "no CUDA device found" not in after["finding.svg"]
    runs = shown_runs(with_a_gpu)
    figure = finding_figure(runs.bench.finding, {GPU_NAME: runs.gpus[0].bench.finding})
    assert figure.rows[-1] == f"torch-cuda\nfloat32\n{GPU_NAME}"
    assert not figure.absent
    assert (
        f"{GPU_NAME} was measured on its own machine, where the others took numpy-published 40"
        in (figure.caption)
    )


def test_the_race_is_shown_as_soon_as_there_is_one(tmp_path: Path) -> None:
    """Both starts, each with its sentence, its table and its figure."""
    assert "Not measured yet: `perceptron race" in readme.race_blocks(None)["race"]
    race = judge_race(read_run(keep_race(tmp_path, race_rows())))
    block = readme.race_blocks(race)["race"]
    assert "numpy is there first" in block
    assert block.count("| torch-cpu | float32 |") == 2
    assert "](race-fresh.svg)" in block
    assert "](race-resident.svg)" in block
