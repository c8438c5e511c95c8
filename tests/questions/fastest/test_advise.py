"""Advice on one shape, measured by workers that only pretend."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from perceptron.answer import Answered
from perceptron.errors import UserError
from perceptron.figure import LineFigure
from perceptron.problems import catalogue
from perceptron.problems.cost import operations
from perceptron.problems.problem import Problem
from perceptron.questions.answering import answer_run
from perceptron.questions.fastest.advice import NO_TIME, ProblemAdvice
from perceptron.questions.fastest.advise import Advise, AdvisePlan
from perceptron.records.readers.stored_runs import read_run
from tests.questions.conftest import Lab, carried_out, codes


@pytest.fixture
def lab(lab: Lab) -> Lab:
    """Backends whose times follow from the operations."""

    def seconds(backend: str, problem: Problem) -> float:
        work = operations(problem)
        return 1e-6 + 1e-9 * work if backend == "numpy" else 1e-4 + 2e-10 * work

    lab.seconds = seconds
    return lab


def plan(problem: str, **changes: Any) -> AdvisePlan:
    fields = {"problem": problem, "backends": ("numpy", "torch-cpu"), "threads": 1}
    return AdvisePlan(**(fields | changes)).resolved()


def advise(results: Path, problem: str, seconds: float = 20.0, **changes: Any) -> Answered:
    return carried_out(Advise(), plan(problem, **changes), results, seconds)


def advice_of(answered: Answered) -> ProblemAdvice:
    data = answered.answer.data
    renamed = {"measured": data["measured_at"], "decided": data["decided"] == "yes"}
    return ProblemAdvice(
        **{name: (data | renamed)[name] for name in ProblemAdvice.__struct_fields__}
    )


def test_advise_measures_shape_and_axes_in_budget(lab: Lab, tmp_path: Path) -> None:
    """Equal at 1.2e5 operations: numpy below, torch-cpu from there on, along every axis."""
    result = advice_of(advise(tmp_path, "mlp:100x10x4"))
    assert result.use == "numpy"
    assert [change.axis for change in result.changes] == ["rows", "features", "hidden width"]
    for change in result.changes:
        (crossed,) = change.crossovers
        assert crossed.status == "crosses", change.axis
        assert crossed.size is not None
        shape = {"rows": "mlp:*x10x4", "features": "mlp:100x*x4", "hidden width": "mlp:100x10x*"}
        there = catalogue.find(f"{shape[change.axis]}:{round(crossed.size)}")
        assert operations(there) == pytest.approx(99e-6 / 8e-10, rel=0.5)
    assert lab.now <= 20.0
    assert result.textbook is not None
    assert result.textbook.low is not None, "three repeats, beside those of numpy"


def test_advise_budget_ends_search(lab: Lab, tmp_path: Path) -> None:
    """The shape itself comes first; what there was no time for is said where it would stand."""
    lab.takes = lambda job, problem: 1.0 if problem.name == "mlp:100x10x4" else 1e6
    result = advise(tmp_path, "mlp:100x10x4", seconds=15.0)
    assert lab.now <= 15.0 * 1.05
    assert {problem for _, problem in lab.timed} == {"mlp:100x10x4"}
    assert advice_of(result).use == "numpy"
    assert [change.reason for change in advice_of(result).changes] == [NO_TIME] * 3
    (why,) = result.answer.verdicts[0].notes
    assert "rows, features and hidden width; next: --budget 0.75" in why
    assert "budget-spent" in codes(result)


def test_advise_backend_that_never_starts_leaves_time(lab: Lab, tmp_path: Path) -> None:
    """It is named, and where nothing else was to be measured, in the error."""
    lab.never_starts = {"torch-cpu"}
    result = advise(tmp_path, "mlp:100x10x4")
    assert {row.backend for row in result.run.rows} == {"numpy"}
    assert advice_of(result).use is None
    assert not result.answer.is_decided
    assert advice_of(result).open == ("torch-cpu",)
    assert advice_of(result).changes == [], "there is nothing to compare along an axis"
    assert lab.now <= 20.0
    (hang,) = [warning for warning in result.warnings if warning.code == "no-end"]
    assert hang.message.startswith("torch-cpu did not start within")
    lab.never_starts = {"torch-cpu", "numpy"}
    with pytest.raises(UserError, match=r"nothing was measured yet: \S+ did not start within"):
        advise(tmp_path, "mlp:100x10x8")


MNIST = "mlp:60000x784x128:10c:128b:adam"


@pytest.fixture
def batches(lab: Lab, tmp_path: Path) -> Answered:
    """Five epochs by mini-batches, where both are equal at 4 million operations.

    numpy is the faster one below, torch-cpu above. Both prepare in no time.
    """

    def seconds(backend: str, problem: Problem) -> float:
        work = operations(problem)
        return 1e-6 + 1e-10 * work if backend == "numpy" else 2.01e-4 + 5e-11 * work

    lab.seconds = seconds
    lab.prepare_seconds = lambda backend: 1e-6
    return advise(tmp_path, MNIST, plan(MNIST).budget_seconds, epochs=5)


def test_advise_reports_changes_along_batch_and_width(lab: Lab, batches: Answered) -> None:
    result = advice_of(batches)
    assert result.use == "torch-cpu"
    assert (result.iterations, result.iterations_per_epoch, result.epochs) == (2345, 469, 5)
    axes = {change.axis: change.crossovers[0] for change in result.changes}
    assert list(axes) == ["batch", "hidden width", "features"]
    shapes = {
        "batch": "mlp:60000x784x128:10c:{}b:adam",
        "hidden width": "mlp:60000x784x{}:10c:128b:adam",
        "features": "mlp:60000x{}x128:10c:128b:adam",
    }
    for axis, crossed in axes.items():
        assert crossed.status == "reverses", axis  # torch-cpu, the fastest here, is the incumbent
        assert crossed.size is not None
        there = catalogue.find(shapes[axis].format(round(crossed.size)))
        assert operations(there) == pytest.approx(4e6, rel=0.5), axis
    assert [verdict.subject for verdict in batches.answer.verdicts[1:]] == list(axes)
    assert lab.now <= plan(MNIST).budget_seconds


def test_advise_whole_training_counts_all_rows(lab: Lab, batches: Answered) -> None:
    """Other sizes were measured on fewer rows; the problem itself on all of its own.

    It is so judged from disk too.
    """
    measured = batches.run.times
    rows = {row.rows for row in measured if row.problem == MNIST and row.status == "ok"}
    assert rows == {60_000}
    assert {row.rows for row in measured if row.problem != MNIST} == {16_384}
    option = next(option for option in advice_of(batches).candidates if option.backend == "numpy")
    expected = 2345 * lab.seconds("numpy", catalogue.find(MNIST)) + 1e-6
    assert option.seconds == pytest.approx(expected)
    drawing = batches.answer.figures[0].drawing
    assert isinstance(drawing, LineFigure)
    (line,) = (line for line in drawing.lines if line.backend == "numpy")
    assert line.y[line.x.index(128)] == pytest.approx(expected)
    assert not any("rows/s" in text for text in line.texts), "that is of an iteration"
    assert answer_run(read_run(batches.results)).answer == batches.answer
    stored = json.loads((batches.results / "run.json").read_text())["plan"]
    assert stored["length"] == {"iterations": 10_000, "epochs": 5}


def test_advise_repeats_slow_problem_before_its_axes(lab: Lab, tmp_path: Path) -> None:
    """What was asked is answered first: the rest of the time is for where that changes."""
    lab.takes = lambda job, problem: (
        0.05 if job.step == "check" or problem.name != "mlp:100x10x4" else 2.6
    )
    result = advise(tmp_path, "mlp:100x10x4")
    assert [name for _, name in lab.timed[:6]] == ["mlp:100x10x4"] * 6
    assert advice_of(result).decided
    assert {change.reason for change in advice_of(result).changes} != {NO_TIME}
