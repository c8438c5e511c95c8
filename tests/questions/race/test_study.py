"""The race as a study: what it asks for, and what it says of rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from perceptron.answer import Answer
from perceptron.errors import UserError
from perceptron.figure import BarFigure
from perceptron.problems import catalogue
from perceptron.questions.answering import answer_run
from perceptron.questions.race.study import Race, RacePlan
from perceptron.records.race import Check, RaceRow, Target, Training
from perceptron.records.readers.stored_runs import read_run
from perceptron.report.charts.svg import draw
from tests.made import keep_race, race_row, race_rows
from tests.made_race import HELD_OUT

STUDY = Race()


def plan(**changes: Any) -> RacePlan:
    return RacePlan(**({"backends": ("numpy", "python"), "seeds": 3, "threads": 1} | changes))


def answer_of(results: Path, rows: list[RaceRow]) -> Answer:
    return answer_run(read_run(keep_race(results, rows))).answer


def drawing(answer: Answer, start: str, dtype: str = "float32") -> Any:
    part = (("Start", start), ("dtype", dtype))
    (figure,) = (figure for figure in answer.figures if figure.part == part)
    return figure.drawing


def test_race_study_requests_missing_seeds_only() -> None:
    resolved = plan().resolved()
    assert len(STUDY.next(resolved, [], 1.0)) == 6
    rows = [
        race_row(0, "numpy"),
        race_row(0, "python", status="failed", fresh=None, resident=None),
    ]
    assert [(job.backend, job.repeat) for job in STUDY.next(resolved, rows, 1.0)] == [
        ("numpy", 1),
        ("numpy", 2),
    ]


def test_looking_must_not_outweigh_training(tmp_path: Path) -> None:
    """Once an epoch; where that is one iteration, a few hundred times in all.

    No row holds more than ten thousand looks.
    """
    file = tmp_path / "whole.toml"
    file.write_text(HELD_OUT)
    loss = {"problem": str(file), "target": "loss=0.1"}
    for changes, expected in (
        ({}, (30, 38)),
        ({"epochs": 20_001}, (20_001, 3 * 38)),
        (loss, (10_000, 50)),
        (loss | {"epochs": 20}, (20, 1)),
    ):
        job, *_ = STUDY.next(plan(**changes).resolved(), [], 1.0)
        assert (job.epochs, job.check_iterations) == expected


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"seeds": 1}, "--seeds must be from 2 to 1000, got 1"),
        ({"epochs": 0}, "--epochs must be from 1"),
        ({"problem": "or-gate"}, "has no test set"),
        ({"target": "speed=9"}, "--target takes accuracy=0.95 or loss=0.2"),
    ],
)
def test_race_plan_refuses_invalid_values(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        plan(**changes).resolved()


def test_race_plan_resolves_to_itself() -> None:
    """It is what run.json holds, and what the next start is compared with."""
    once = plan(epochs=None).resolved()
    assert once.resolved() == once
    assert once.epochs == 30
    assert catalogue.find("digits").reference == once.problem


def test_race_figure_accuracy_axis_is_linear_to_1(tmp_path: Path) -> None:
    rows = [*race_rows(), race_row(dtype="float64", status="skipped", fresh=None, resident=None)]
    answer = answer_of(tmp_path, rows)
    figure = drawing(answer, "warm")
    assert figure is not None
    assert (figure.y.is_linear, figure.y.high) == (True, 1.0)
    assert 0.6 < figure.y.low < 0.7
    assert drawing(answer, "warm", "float64") is None
    assert drawing(answer, "cold", "float64") is None


def test_race_figure_cold_start_is_split_into_parts(tmp_path: Path) -> None:
    """Which end to end are the time to the target; learning is one of them."""
    answer = answer_of(tmp_path, race_rows())
    figure = drawing(answer, "cold")
    assert isinstance(figure, BarFigure)
    assert figure.parts[0] == "Python and imports"
    assert figure.parts[-1] == "training to the target"
    for run in answer.data["runs"]:
        if run.start == "cold" and run.seconds is not None:
            whole = sum(bar.length for bar in figure.bars if bar.backend == run.backend)
            assert whole == pytest.approx(run.seconds, rel=0.05), run.backend


def test_race_figure_loss_axis_is_logarithmic(tmp_path: Path) -> None:
    rows = [race_row(seed, target=Target("loss", 0.05)) for seed in range(3)]
    figure = drawing(answer_of(tmp_path, rows), "warm")
    assert figure is not None
    assert not figure.y.is_linear
    (grey,) = figure.stretches
    assert (grey.low, grey.high) == (figure.y.low, 0.05)


def test_numbers_that_no_axis_holds_cannot_be_judged(tmp_path: Path) -> None:
    """Rows are untrusted: a page leaves such a run out, and shows the others."""
    end = Training(checks=[Check(38, 0.1, None, 1e308)])
    rows = [race_row(target=Target("loss", 0.05), fresh=end, resident=end)]
    with pytest.raises(UserError, match="rows that cannot be judged"):
        answer_of(tmp_path, rows)


def test_race_figure_long_line_is_thinned_to_its_last_value(tmp_path: Path) -> None:
    accuracies = [0.5 + 0.4 * index / 5000 for index in range(5003)]
    rows = [race_row(accuracies=[*accuracies, 0.96], train=5.0)]
    figure = drawing(answer_of(tmp_path, rows), "warm")
    assert figure is not None
    (line,) = figure.lines
    assert 100 < len(line.x) < 500
    assert line.y[-1] == 0.96
    values = {name: getattr(line, name)[:1] for name in ("x", "y", "low", "high", "texts")}
    of_one = replace(figure, lines=(replace(line, **values),))
    assert 10 < draw(figure).count("<circle") - draw(of_one).count("<circle") < 60


def test_rows_of_another_definition_or_code_are_not_compared(tmp_path: Path) -> None:
    """Not even where all have raced those seeds."""
    strange = [
        race_row(seed, name, **other)
        for name in ("numpy", "torch-cpu")
        for seed, other in (
            (7, {"problem_digest": "other"}),
            (8, {"code": "other"}),
            (9, {"threads": 4}),
        )
    ]
    assert answer_of(tmp_path, [*strange, *race_rows()]).data["runs"][0].seeds == 7
