"""The ladder of a training by mini-batches."""

from __future__ import annotations

from pathlib import Path

import pytest

from perceptron.measure.job import Job, Outcome
from perceptron.problems import catalogue
from perceptron.problems.problem import Problem
from perceptron.report.charts.ladder import ladder_figure
from perceptron.report.tables.ladder import phase_cells, rung_cells
from perceptron.studies import overhead as study
from perceptron.studies.shared.progress import silent
from tests.studies.conftest import Lab, parts_of

DIGITS = catalogue.find("digits")
NO_ADAM = "takes sgd, not adam"
PHASES = {"batch": 1e-5, "forward": 4e-5, "backward": 1e-4, "optimizer step": 3e-4}
PARTS = {
    "phases": PHASES,
    "ceilings": {"product": 1.0, "copy": 1.0},
    "harness": {"call": 1e-7},
    "kernels": {"kernels": 0.0},
}


@pytest.fixture
def lab(lab: Lab) -> Lab:
    """Plain Python knows no Adam, and whatever asks it for a part is told so as well."""

    def refused(backend: str, problem: Problem) -> Outcome | None:
        if backend != "python":
            return None
        return Outcome(problem=problem.reference, status="skipped", reason=NO_ADAM)

    def extra(job: Job) -> Outcome:
        return parts_of(job, PARTS[str(job.extra)])

    lab.refused, lab.measure_extra = refused, extra
    lab.seconds = lambda backend, problem: 3e-4 if backend.startswith("torch") else 1e-4
    lab.missing["torch-cuda"] = "no CUDA device found"
    return lab


def ladder(lab: Lab, results: Path, *backends: str) -> study.judge.OverheadResult:
    plan = study.OverheadPlan(DIGITS, backends, threads=1, quick=True)
    return study.overhead(plan, "box", results, silent)


def test_a_rung_that_cannot_train_it_says_why_in_its_line(lab: Lab, tmp_path: Path) -> None:
    """The others are climbed as ever, and nobody is warned of what the line says."""
    result = ladder(lab, tmp_path, "torch-cpu", "numpy", "python")
    assert [rung.reason for rung in result.rungs] == [None, None, NO_ADAM]
    assert f"not measured: {NO_ADAM}" in rung_cells(result.rungs)[2]
    assert [warning for warning in result.warnings if warning.code == "not-measured"] == []
    figure = ladder_figure(result)
    assert figure is not None
    assert figure.rows == ("torch-cpu", "numpy")


def test_taking_a_batch_is_a_phase_of_its_own(lab: Lab, tmp_path: Path) -> None:
    """The first, before forward; together they are the iteration."""
    result = ladder(lab, tmp_path, "torch-cpu", "numpy")
    assert [phase.phase for phase in result.phases] == list(PHASES)
    batch = result.phases[0]
    assert batch.seconds_per_iteration == pytest.approx(1e-5)
    assert result.phases[-1].seconds_per_iteration == pytest.approx(2e-4)
    (whole,) = result.wholes
    assert whole.phases_seconds == pytest.approx(3e-4)
    assert phase_cells(result)[0][:2] == ("torch-cpu", "batch")
