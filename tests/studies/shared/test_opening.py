from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from perceptron.errors import UserError
from perceptron.measure.neighbours import Seen
from perceptron.problems import catalogue
from perceptron.records.conditions import Conditions, CoreUse, GpuState, Neighbour
from perceptron.records.store import load_conditions
from perceptron.studies.advise import AdvisePlan
from perceptron.studies.bench import BenchPlan
from perceptron.studies.map import MapPlan
from perceptron.studies.shared import opening
from perceptron.studies.shared.budget import Budget, unlimited
from perceptron.studies.shared.opening import (
    contents,
    plain,
    refuse_edited_files,
    start_run,
)
from perceptron.studies.shared.quiet import Quiet
from tests.conftest import ROOT, MakeRow
from tests.made import SOUND

MODEL = ROOT / "docs" / "examples" / "points-width.toml"


def test_a_plan_is_json_with_a_reference_for_each_problem() -> None:
    """As unfinished runs hold it: only equal plans are resumed."""
    own = plain(BenchPlan(problems=catalogue.find_all(str(MODEL)), threads=(1,)))
    assert own["problems"] == [f"{MODEL}:{width}" for width in (4, 16, 64, 256)]
    assert own["threads"] == [1]
    assert plain(MapPlan(threads=1))["x_range"] == [16, 8192]
    assert plain(AdvisePlan(catalogue.find("mlp-width:8")))["problem"] == "mlp-width:8"


def test_only_model_files_have_contents(tmp_path: Path) -> None:
    """A digest for each file by its path, and an edit is noticed."""
    model = tmp_path / "mine.toml"
    model.write_text(MODEL.read_text())
    problems = [catalogue.find("or-gate"), *catalogue.find_all(str(model))]
    before = contents(problems)
    assert list(before) == [str(model)]
    refuse_edited_files(problems, before)
    model.write_text(model.read_text().replace("rate = 0.5", "rate = 0.25"))
    with pytest.raises(UserError, match="a file was changed while it was measured"):
        refuse_edited_files(problems, before)


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch, known_machine: None) -> list[str]:
    """Have a neighbour that is gone at the third look; record what happens in which order."""
    seen: list[str] = []

    class Look:
        def __init__(self) -> None:
            seen.append("look")

        def end(self) -> Seen:
            seen.append("seen")
            return Seen(CALM if seen.count("seen") > 2 else BUSY)

    def conditions(with_loop: bool) -> Conditions:
        seen.append("conditions")
        return SOUND

    monkeypatch.setattr(opening, "Look", Look)
    monkeypatch.setattr(opening, "conditions", conditions)
    return seen


BUSY = CoreUse(neighbours=[Neighbour(name="backup", pid=7, share=0.9)], other_cores=0.9)
CALM = CoreUse(neighbours=[], other_cores=0.0)


def test_a_neighbour_is_said_first_and_kept_with_the_run(events: list[str], tmp_path: Path) -> None:
    """One look, during which the conditions are read; then measuring begins."""
    lines: list[str] = []
    with start_run({}, [], 2, "box", tmp_path, False, unlimited(), Quiet(0.0, lines.append)) as run:
        events.append("measuring")
    assert events == ["look", "conditions", "seen", "measuring"]
    (line,) = lines
    assert line.startswith("note: backup (pid 7) uses 0.90 of a core")
    (kept,) = load_conditions(run.journal.folder)
    assert kept.neighbours == BUSY.neighbours
    assert [warning.code for warning in run.warnings(2)] == ["busy-neighbour"]


def passing(now: list[float], seconds: float) -> Callable[..., Seen]:
    """Return waiting for quiet that also takes this long on a clock."""
    wait = opening.wait_for_quiet

    def wait_and_pass(*arguments: Any) -> Seen:
        now[0] += seconds
        return wait(*arguments)

    return wait_and_pass


def test_quiet_is_waited_for_before_the_loop(
    events: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """So the conditions are those that are measured under."""
    lines: list[str] = []
    now = [0.0]
    budget = Budget(60.0, clock=lambda: now[0])
    monkeypatch.setattr(opening, "wait_for_quiet", passing(now, 300.0))
    with start_run({}, [], 2, "box", tmp_path, False, budget, Quiet(5.0, lines.append)) as run:
        events.append("measuring")
    assert events == [*["look", "seen"] * 3, "conditions", "measuring"]
    assert [line.partition(",")[0].partition(" after")[0] for line in lines] == [
        "waiting for quiet",
        "quiet",
    ]
    assert run.conditions.neighbours == []
    assert budget.spent == 0.0, "a wait that was asked for is not paid by the budget"
    assert run.warnings(2) == []


def test_a_run_warns_of_its_own_disturbed_rows(
    events: list[str], tmp_path: Path, row: MakeRow
) -> None:
    """Also of those of an earlier start."""
    with start_run({}, [], 1, "box", tmp_path, False, unlimited()) as run:
        run.journal.append(row(seconds=1e-3, samples=[1e-3], waited=0.0, disturbed=3))
    assert [warning.code for warning in run.warnings(1)] == ["disturbed"]


def test_a_run_warns_of_the_clock_of_its_gpu(
    events: list[str], tmp_path: Path, row: MakeRow
) -> None:
    """As the rows saw it: before anything ran it was idle."""
    slow = GpuState(name="Slide Rule", sm_mhz=900, max_sm_mhz=2000, idle=False, slowed_by=["heat"])
    with start_run({}, [], 1, "box", tmp_path, False, unlimited()) as run:
        run.journal.append(row(seconds=1e-3, samples=[1e-3], gpu=slow))
    assert [warning.code for warning in run.warnings(1)] == ["gpu-slowed"]
