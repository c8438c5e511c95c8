from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from perceptron.analysis.phase_map.phase_map import MapResult
from perceptron.analysis.stored.runs import judge_map
from perceptron.measure.job import Outcome
from perceptron.measure.progress import silent
from perceptron.problems.problem import Problem
from perceptron.records.readers.stored_runs import read_run
from perceptron.studies.map import MapPlan, map_family
from tests.studies.conftest import Lab

PLAN = MapPlan(backends=("numpy", "torch-cpu"), threads=1, points=12, quick=True)


def seconds(backend: str, problem: Problem) -> float:
    """torch-cpu starts slowly and grows slowly."""
    work = problem.size
    return 1e-6 + 1e-9 * work if backend == "numpy" else 4e-6 + 2e-10 * work


def refused(backend: str, problem: Problem) -> Outcome | None:
    """torch-cpu has little room."""
    if backend == "numpy" or problem.size <= 100_000:
        return None
    return Outcome(problem=problem.reference, status="skipped", reason="needs more memory")


@pytest.fixture
def lab(lab: Lab) -> Lab:
    lab.seconds, lab.refused = seconds, refused
    return lab


def draw(results: Path, plan: MapPlan = PLAN) -> MapResult:
    return map_family(plan, "box", results, silent)


def test_the_map_is_measured_where_the_winner_changes(lab: Lab, tmp_path: Path) -> None:
    """Both win somewhere, few cells are measured, each in every process and none twice."""
    map_result = draw(tmp_path)
    assert map_result.map.axes == ("rows", "width")
    assert set(map_result.map.shares) >= {"numpy", "torch-cpu"}
    assert 25 <= map_result.map.cells_measured < len(map_result.map.cells) / 2
    assert len(lab.timed) == len({*lab.timed}) * PLAN.processes
    assert map_result.map.cells_measured == len({row.sizes for row in map_result.rows})
    for cell in map_result.map.cells:
        work = cell.x * cell.y
        if cell.measured and not 3_000 < work < 4_700:
            assert cell.winner == ("torch-cpu" if 3_750 < work <= 100_000 else "numpy")


def test_an_interrupted_map_is_resumed_as_it_would_have_been(lab: Lab, tmp_path: Path) -> None:
    """The next cells follow from the rows: the same cells in the end, nothing measured twice."""
    whole = draw(tmp_path / "whole")
    lab.timed.clear()
    lab.power_cut_after = 120
    with pytest.raises(KeyboardInterrupt):
        draw(tmp_path / "cut")
    lab.power_cut_after = None
    resumed = draw(tmp_path / "cut")
    assert resumed.map == whole.map
    assert len(lab.timed) == len({*lab.timed}) * PLAN.processes
    assert len(list((tmp_path / "cut" / "runs" / "box").glob("*/run.json"))) == 1


def test_a_map_keeps_its_budget_and_says_what_it_did_not_refine(lab: Lab, tmp_path: Path) -> None:
    """Coarse cells come first; in the end no backend wins a cell for lack of the other's time."""
    whole = draw(tmp_path / "whole")
    lab.takes = lambda job, problem: 0.05 if job.check else 0.25
    lab.now = 0.0
    short = map_family(PLAN, "box", tmp_path / "short", silent, budget_seconds=50.0)
    assert lab.now <= 50 * 1.05
    assert 25 <= short.map.cells_measured < whole.map.cells_measured
    assert short.not_refined > 0
    assert short.warnings[-1].code == "budget-spent"
    assert all(cell.second for cell in short.map.cells if cell.measured and cell.x * cell.y < 1e5)
    stored = judge_map(read_run(short.results))
    assert (stored.map, stored.not_refined) == (short.map, short.not_refined)
    more = map_family(PLAN, "box", tmp_path / "short", silent, budget_seconds=300.0)
    assert more.results == short.results
    assert (more.map, more.not_refined) == (whole.map, 0)


def test_a_map_over_batches_says_batch_and_width(lab: Lab, tmp_path: Path) -> None:
    """Measured and read back; the default is another map."""
    plan = replace(PLAN, family="batch-width", x_range=None, y_range=None)
    map_result = draw(tmp_path, plan)
    assert map_result.map.axes == ("batch", "width")
    assert "batch × width ≈" in map_result.map.summary
    assert {row.batch for row in map_result.rows} >= {4, 256}
    assert {row.optimizer for row in map_result.rows} == {"adam"}
    assert judge_map(read_run(map_result.results)).map == map_result.map
    assert PLAN.family == "mlp-map"
