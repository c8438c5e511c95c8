"""Advice on one shape, measured by workers that only pretend."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from perceptron.analysis.advice import NO_TIME, AdviceResult
from perceptron.analysis.stored.runs import judge_advice
from perceptron.errors import UserError
from perceptron.measure.job import Batch
from perceptron.measure.progress import silent
from perceptron.problems import catalogue
from perceptron.problems.cost import operations
from perceptron.problems.problem import Problem
from perceptron.records.readers.stored_runs import read_run
from perceptron.report.tables.advice import sentence
from perceptron.studies import advise as study
from tests.studies.conftest import Lab


@pytest.fixture
def lab(lab: Lab) -> Lab:
    """Backends whose times follow from the operations."""

    def seconds(backend: str, problem: Problem) -> float:
        work = operations(problem)
        return 1e-6 + 1e-9 * work if backend == "numpy" else 1e-4 + 2e-10 * work

    lab.seconds = seconds
    return lab


def advise(lab: Lab, results: Path, problem: str, seconds: float = 20.0) -> AdviceResult:
    plan = study.AdvisePlan(catalogue.find(problem), ("numpy", "torch-cpu"), threads=1)
    return study.advise(plan, "box", results, silent, budget_seconds=seconds)


def test_the_shape_and_its_axes_are_measured_in_time(lab: Lab, tmp_path: Path) -> None:
    """Equal at 1.2e5 operations: numpy below, torch-cpu from there on, along every axis."""
    result = advise(lab, tmp_path, "mlp:100x10x4").advice
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


def test_the_budget_ends_the_search(lab: Lab, tmp_path: Path) -> None:
    """The shape itself comes first; what there was no time for is said where it would stand."""
    lab.takes = lambda job, problem: 1.0 if problem.name == "mlp:100x10x4" else 1e6
    result = advise(lab, tmp_path, "mlp:100x10x4", seconds=15.0)
    assert lab.now <= 15.0 * 1.05
    assert {problem for _, problem in lab.timed} == {"mlp:100x10x4"}
    assert result.advice.use == "numpy"
    assert [change.reason for change in result.advice.changes] == [NO_TIME] * 3
    assert "no time was left to look along rows, features and hidden width" in sentence(
        result.advice
    )
    assert result.warnings[-1].code == "budget-spent"


def test_a_start_without_time_answers_from_what_was_measured(lab: Lab, tmp_path: Path) -> None:
    """The one after it begins a new run."""

    def interrupted(job: Batch, problem: Problem) -> float:
        if len(lab.timed) == 4:
            lab.now += 30.0
            raise KeyboardInterrupt
        return 0.1

    lab.takes = interrupted
    with pytest.raises(KeyboardInterrupt):
        advise(lab, tmp_path, "mlp:100x10x4")
    lab.takes = lambda job, problem: 0.1
    second = advise(lab, tmp_path, "mlp:100x10x4")
    assert second.advice.use == "numpy"
    assert len(lab.timed) == len(second.rows) == 4
    assert "budget-spent" in [warning.code for warning in second.warnings]
    third = advise(lab, tmp_path, "mlp:100x10x4")
    assert third.results != second.results
    assert len(third.rows) > 4


def test_a_backend_that_never_starts_leaves_time_for_the_others(lab: Lab, tmp_path: Path) -> None:
    """It is named, and where nothing else was to be measured, in the error."""
    lab.never_starts = {"torch-cpu"}
    result = advise(lab, tmp_path, "mlp:100x10x4")
    assert {row.backend for row in result.rows} == {"numpy"}
    assert result.advice.use is None
    assert "torch-cpu was not measured: no comparison" in sentence(result.advice)
    assert lab.now <= 20.0
    (hang,) = [warning for warning in result.warnings if warning.code == "no-end"]
    assert hang.message.startswith("torch-cpu did not start within")
    lab.never_starts = {"torch-cpu", "numpy"}
    with pytest.raises(UserError, match=r"nothing was measured yet: \S+ did not start within"):
        advise(lab, tmp_path, "mlp:100x10x8")


MNIST = "mlp:60000x784x128:10c:128b:adam"


@pytest.fixture
def batches(lab: Lab, tmp_path: Path) -> AdviceResult:
    """Five epochs by mini-batches, where both are equal at 4 million operations.

    numpy is the faster one below, torch-cpu above. Both prepare in no time.
    """

    def seconds(backend: str, problem: Problem) -> float:
        work = operations(problem)
        return 1e-6 + 1e-10 * work if backend == "numpy" else 2.01e-4 + 5e-11 * work

    lab.seconds = seconds
    lab.prepare_seconds = lambda backend: 1e-6
    plan = study.AdvisePlan(catalogue.find(MNIST), ("numpy", "torch-cpu"), threads=1, epochs=5)
    return study.advise(plan, "box", tmp_path, silent)


def test_it_says_from_which_batch_and_width_the_answer_changes(
    lab: Lab, batches: AdviceResult
) -> None:
    result = batches.advice
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
    assert "torch-cpu from a batch of" in sentence(result)
    assert lab.now <= study.SECONDS


def test_a_whole_training_is_of_all_rows_wherever_it_was_measured(
    lab: Lab, batches: AdviceResult
) -> None:
    """Other sizes were measured on fewer rows; the problem itself on all of its own."""
    result = batches
    rows = {row.rows for row in result.rows if row.problem == MNIST and row.status == "ok"}
    assert rows == {60_000}
    assert {row.rows for row in result.rows if row.problem != MNIST} == {16_384}
    option = next(option for option in result.advice.options if option.backend == "numpy")
    assert option.training is not None
    expected = 2345 * lab.seconds("numpy", catalogue.find(MNIST)) + 1e-6
    assert option.training.estimate == pytest.approx(expected)


def test_a_stored_run_is_judged_as_it_was(batches: AdviceResult) -> None:
    assert judge_advice(read_run(batches.results)).advice == batches.advice
    plan = json.loads((batches.results / "run.json").read_text())["plan"]
    assert plan["length"] == {"iterations": 10_000, "epochs": 5}


def test_a_problem_that_takes_long_leaves_time_for_the_sizes_beside_it(
    lab: Lab, tmp_path: Path
) -> None:
    """It has one process then, of which nothing is decided: more minutes are asked for."""
    lab.takes = lambda job, problem: 0.05 if job.check or problem.name != "mlp:100x10x4" else 5.5
    result = advise(lab, tmp_path, "mlp:100x10x4")
    assert lab.timed.count(("numpy", "mlp:100x10x4")) == 1
    assert {change.reason for change in result.advice.changes} != {NO_TIME}
    assert "budget-spent" in {warning.code for warning in result.warnings}
