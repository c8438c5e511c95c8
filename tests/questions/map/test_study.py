from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from perceptron.answer import Answered
from perceptron.errors import UserError
from perceptron.measure.job import Outcome
from perceptron.problems.problem import Problem
from perceptron.questions.answering import answer_run
from perceptron.questions.map.judge import PhaseMap
from perceptron.questions.map.study import Map, MapPlan
from perceptron.records.readers.stored_runs import read_run
from tests.questions.conftest import Lab, carried_out


def plan(**changes: Any) -> MapPlan:
    fields = {"backends": ("numpy", "torch-cpu"), "threads": 1, "points": 12, "quick": True}
    return MapPlan(**(fields | changes)).resolved()


def seconds(backend: str, problem: Problem) -> float:
    """torch-cpu starts slowly and grows slowly."""
    work = problem.size
    return 1e-6 + 1e-9 * work if backend == "numpy" else 4e-6 + 2e-10 * work


def refused(backend: str, problem: Problem) -> Outcome | None:
    """torch-cpu has little room."""
    if backend == "numpy" or problem.size <= 100_000:
        return None
    return Outcome(status="skipped", reason="needs more memory")


@pytest.fixture
def lab(lab: Lab) -> Lab:
    lab.seconds, lab.refused = seconds, refused
    return lab


def draw(results: Path, budget: float | None = None, **changes: Any) -> Answered:
    return carried_out(Map(), plan(**changes), results, budget)


def drawn(answered: Answered) -> PhaseMap:
    phase_map: PhaseMap = answered.answer.data["map"]
    return phase_map


def test_map_study_measures_where_winner_changes(lab: Lab, tmp_path: Path) -> None:
    """Both win somewhere, few cells are measured, each in every process and none twice."""
    answered = draw(tmp_path)
    phase_map = drawn(answered)
    assert phase_map.axes == ("rows", "width")
    assert set(phase_map.shares) >= {"numpy", "torch-cpu"}
    assert 25 <= phase_map.cells_measured < len(phase_map.cells) / 2
    assert len(lab.timed) == len({*lab.timed}) * plan().repeats
    assert phase_map.cells_measured == len({row.sizes for row in answered.run.times})
    alone = sum(cell.measured and cell.second is None for cell in phase_map.cells)
    assert alone
    assert any(note.endswith(f"numpy in {alone}") for note in answered.answer.verdicts[0].notes)
    for cell in phase_map.cells:
        work = cell.x * cell.y
        if cell.measured and not 3_000 < work < 4_700:
            alone = work > 100_000  # which is no comparison
            winner = "undecided" if alone else "torch-cpu" if work > 3_750 else "numpy"
            assert cell.winner == winner


def test_map_study_resume_reaches_same_cells(lab: Lab, tmp_path: Path) -> None:
    """The next cells follow from the rows: the same cells in the end, nothing measured twice."""
    whole = draw(tmp_path / "whole")
    lab.timed.clear()
    lab.power_cut_after = 120
    with pytest.raises(KeyboardInterrupt):
        draw(tmp_path / "cut")
    lab.power_cut_after = None
    resumed = draw(tmp_path / "cut")
    assert drawn(resumed) == drawn(whole)
    assert len(lab.timed) == len({*lab.timed}) * plan().repeats
    assert len(list((tmp_path / "cut" / "runs" / "box").glob("*/run.json"))) == 1


def test_map_study_budget_holds_and_unrefined_is_counted(lab: Lab, tmp_path: Path) -> None:
    """Coarse cells come first; in the end no backend wins a cell for lack of the other's time."""
    whole = draw(tmp_path / "whole")
    lab.takes = lambda job, problem: 0.05 if job.step == "check" else 0.25
    lab.now = 0.0
    short = draw(tmp_path / "short", 50.0)
    assert lab.now <= 50 * 1.05
    assert 25 <= drawn(short).cells_measured < drawn(whole).cells_measured
    assert short.answer.data["not_refined"] > 0
    assert short.warnings[0].code == "budget-spent"
    cells = [cell for cell in drawn(short).cells if cell.measured and cell.x * cell.y < 1e5]
    assert all(cell.second for cell in cells)
    assert answer_run(read_run(short.run.folder)).answer == short.answer
    more = draw(tmp_path / "short", 300.0)
    assert more.run.folder == short.run.folder
    assert drawn(more) == drawn(whole)
    assert more.answer.data["not_refined"] == 0


def test_map_study_over_batches_names_its_axes(lab: Lab, tmp_path: Path) -> None:
    """Measured and read back; the default is another map."""
    answered = draw(tmp_path, family="batch-width")
    assert drawn(answered).axes == ("batch", "width")
    assert "batch × width ≈" in drawn(answered).summary
    assert {row.batch for row in answered.run.times} >= {4, 256}
    assert {row.optimizer for row in answered.run.times} == {"adam"}
    assert answer_run(read_run(answered.run.folder)).answer == answered.answer
    assert plan().family == "mlp-map"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"family": "mlp-width"}, "varies along 1 axis and a map needs two"),
        ({"family": "mlp-mop"}, "did you mean 'mlp-map'"),
        ({"points": 1}, "--points must be from 2 to 64, got 1"),
        ({"backends": ("numpy", "torch-ddp@4", "torch-ddp@6"), "threads": 8}, "give --threads 12"),
    ],
)
def test_map_plan_refuses_invalid_values(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        plan(**changes)
