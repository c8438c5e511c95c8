from __future__ import annotations

from pathlib import Path

import pytest

from perceptron.analysis.advice import NO_TIME
from perceptron.errors import UserError
from perceptron.measure.job import Job
from perceptron.problems import catalogue
from perceptron.problems.cost import operations
from perceptron.problems.problem import Problem
from perceptron.report.tables.advice import sentence
from perceptron.studies import advise as study
from perceptron.studies.shared.progress import silent
from tests.studies.conftest import Lab


@pytest.fixture
def lab(lab: Lab) -> Lab:
    """Backends whose times follow from the operations."""

    def seconds(backend: str, problem: Problem) -> float:
        work = operations(problem)
        return 1e-6 + 1e-9 * work if backend == "numpy" else 1e-4 + 2e-10 * work

    lab.seconds = seconds
    return lab


def advise(
    lab: Lab, results: Path, problem: str, seconds: float = 20.0
) -> study.advice.AdviceResult:
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

    def interrupted(job: Job, problem: Problem) -> float:
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


def test_a_member_of_a_family_is_varied_along_it(lab: Lab, tmp_path: Path) -> None:
    (change,) = advise(lab, tmp_path, "mlp-width:64").advice.changes
    assert change.axis == "width"
    assert change.here == 64


def test_a_model_file_is_varied_along_its_size(lab: Lab, tmp_path: Path) -> None:
    example = Path(__file__).parents[2] / "docs" / "examples" / "points-width.toml"
    result = advise(lab, tmp_path, f"{example}:64").advice
    assert [change.axis for change in result.changes] == ["size"]
