"""What an answer of one run says of other runs of its machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from perceptron.questions.answering import answer_run
from perceptron.questions.one_run import largest_factor
from perceptron.questions.other_sessions import read_session
from perceptron.records.measurement import Measurement
from tests.made import BENCH, FACTS, keep, line, measured

FIRST, SECOND, THIRD = (f"2026-01-0{day}T00:00:00Z" for day in (1, 2, 3))
CROSSOVER = {"study": "crossover", "families": ["mlp-width"], "iterations": 10_000}


def digits(ratio: float, repeats: int = 5, **fields: Any) -> list[Measurement]:
    about = {"family": "digits", "problem": "digits", "size": 1, "waited": 0.0}
    return [
        measured(**about | fields, backend=name, repeat=repeat, seconds=1e-3 * each)
        for name, each in (("numpy", 1.0), ("torch-cpu", ratio))
        for repeat in range(repeats)
    ]


def factor(results: Path) -> float | None:
    return largest_factor(tuple(sorted(results.glob("runs/box/*/run.json"))))


@pytest.mark.parametrize(
    ("rows", "fields", "expected"),
    [
        pytest.param(digits(3.0), {}, 1.5, id="alike"),
        pytest.param(digits(3.0, repeats=2), {}, None, id="two repeats"),
        pytest.param(digits(3.0, waited=0.9), {}, None, id="contended"),
        pytest.param(digits(3.0, dtype="float64"), {}, None, id="another ground"),
        pytest.param(digits(3.0, problem_digest="x"), {}, None, id="another definition"),
        pytest.param(digits(3.0), {"commit": "def"}, None, id="another code"),
        pytest.param(digits(3.0), {"facts": replace(FACTS, cores=64)}, None, id="environment"),
    ],
)
def test_runs_that_may_join_differ_by_the_largest_ratio_of_their_ratios(
    rows: list[Measurement], fields: dict[str, Any], expected: float | None, tmp_path: Path
) -> None:
    keep(tmp_path, BENCH, digits(2.0), started=FIRST)
    keep(tmp_path, BENCH, rows, started=SECOND, **fields)
    assert factor(tmp_path) == (None if expected is None else pytest.approx(expected))


def test_single_run_answer_survives_damaged_runs(tmp_path: Path) -> None:
    keep(tmp_path, BENCH, digits(2.0), started=FIRST)
    (keep(tmp_path, BENCH, digits(3.0), started=SECOND) / "measurements.jsonl").unlink()
    (keep(tmp_path, BENCH, digits(3.0), started=THIRD) / "run.json").write_text("{")
    assert factor(tmp_path) is None


@pytest.mark.parametrize("noise", [0.0, 3.0], ids=["decided", "undecided"])
def test_single_run_caution_begins_decided_answers_only(noise: float, tmp_path: Path) -> None:
    """Other questions of the machine tell how much its state does."""

    def notes(results: Path) -> tuple[str, ...]:
        rows = [
            replace(row, seconds=(row.seconds or 0) * (1 + noise * (row.repeat % 2)))
            if row.backend == "torch-cpu"
            else row
            for row in line(processes=8)
        ]
        run = keep(results, CROSSOVER, rows, started=THIRD)
        (verdict,) = answer_run(read_session(run)).answer.verdicts
        assert (verdict.decided == "yes") == (not noise)
        return verdict.notes

    alone = notes(tmp_path / "alone")
    for ratio, started in ((2.0, FIRST), (3.0, SECOND)):
        keep(tmp_path / "beside", BENCH, digits(ratio), started=started)
    beside = notes(tmp_path / "beside")
    if noise:
        assert beside == alone
    else:
        assert "1.5×" in beside[0]
        assert beside[0] not in alone
