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
from perceptron.studies.shared.axes_through import LONGEST_SECONDS
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


def test_nobody_waits_longer_for_a_slow_shape(lab: Lab, tmp_path: Path) -> None:
    """One process of each backend decides nothing, and is shown; none at all is an error."""
    lab.takes = lambda job, problem: 0.1 if job.check else 8.0
    result = advise(lab, tmp_path, "mlp:100x10x4")
    assert lab.now <= 20.0 * 1.05
    assert (result.advice.use, result.advice.options[0].backend) == (None, "numpy")
    assert "one repeat" in sentence(result.advice)
    lab.takes = lambda job, problem: 1e6
    lab.now = 0.0
    with pytest.raises(UserError, match=r"--budget: after .* nothing was measured yet"):
        advise(lab, tmp_path, "mlp:100x10x8")
    assert lab.now <= 20.0 * 1.05


def test_a_start_that_measured_nothing_leaves_the_next_one_its_time(
    lab: Lab, tmp_path: Path
) -> None:
    """A cold disk cache makes the first start slow, and the same command then answers."""
    lab.start_seconds = 1e6
    for _ in range(2):
        with pytest.raises(UserError, match="nothing was measured yet"):
            advise(lab, tmp_path, "mlp:100x10x4")
    lab.start_seconds = 0.0
    assert advise(lab, tmp_path, "mlp:100x10x4").advice.use == "numpy"


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


def test_an_axis_that_was_cut_is_said(lab: Lab, tmp_path: Path) -> None:
    """Smaller sizes were measured, and larger ones did not fit."""

    def takes(job: Job, problem: Problem) -> float:
        here = operations(catalogue.find("mlp:100x10x4"))
        return 0.05 if job.check else 0.25 + 0.25 * operations(problem) / here

    assert "budget-spent" not in [
        warning.code for warning in advise(lab, tmp_path / "all", "mlp:100x10x4").warnings
    ]
    lab.takes = takes
    result = advise(lab, tmp_path / "cut", "mlp:100x10x4")
    assert all(change.reason is None for change in result.advice.changes)
    assert "budget-spent" in [warning.code for warning in result.warnings]


def test_long_iterations_are_not_tried_beside_the_problem(lab: Lab, tmp_path: Path) -> None:
    result = advise(lab, tmp_path, "mlp:2000x100x64")
    longest = max(row.seconds for row in result.rows if row.seconds is not None)
    own = max(row.seconds for row in result.rows if row.problem == "mlp:2000x100x64")
    assert longest <= max(own, LONGEST_SECONDS) * 1.5


def test_a_member_of_a_family_is_varied_along_it(lab: Lab, tmp_path: Path) -> None:
    (change,) = advise(lab, tmp_path, "mlp-width:64").advice.changes
    assert change.axis == "width"
    assert change.here == 64


def test_a_problem_without_axes_is_measured_alone(lab: Lab, tmp_path: Path) -> None:
    result = advise(lab, tmp_path, "or-gate").advice
    assert result.changes == []
    assert result.use == "numpy"


def test_a_model_file_is_varied_along_its_size(lab: Lab, tmp_path: Path) -> None:
    example = Path(__file__).parents[2] / "docs" / "examples" / "points-width.toml"
    result = advise(lab, tmp_path, f"{example}:64").advice
    assert [change.axis for change in result.changes] == ["size"]


def test_a_backend_that_cannot_run_is_refused_before_anything_starts(
    lab: Lab, tmp_path: Path
) -> None:
    lab.missing["torch-cuda"] = "no CUDA device found"
    said: list[str] = []

    def note(spent: float, total: float, message: str) -> None:
        if "torch-cuda" in message:
            said.append(f"{len(lab.starts)} started after {spent:.0f} s: {message}")

    lab.start_seconds = 3.0
    plan = study.AdvisePlan(catalogue.find("or-gate"), ("numpy", "torch-cuda"), threads=1)
    result = study.advise(plan, "box", tmp_path, note, budget_seconds=20.0)
    assert said == ["0 started after 0 s: or-gate on torch-cuda"]
    assert result.advice.use == "numpy"
    assert "torch-cuda" not in lab.starts
    # Their rows are no answer where nothing else had its turn.
    lab.never_starts = {"numpy"}
    with pytest.raises(UserError, match="nothing was measured yet"):
        study.advise(plan, "box", tmp_path / "late", note, budget_seconds=20.0)
