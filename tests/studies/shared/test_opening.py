from __future__ import annotations

from math import inf
from pathlib import Path

import pytest

from perceptron.errors import UserError
from perceptron.problems import catalogue
from perceptron.records.conditions import GpuState
from perceptron.studies.advise import AdvisePlan
from perceptron.studies.bench import BenchPlan
from perceptron.studies.map import MapPlan
from perceptron.studies.shared import opening
from perceptron.studies.shared.budget import Budget
from perceptron.studies.shared.opening import (
    contents,
    plain,
    refuse_edited_files,
    start_run,
)
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
def sound_machine(monkeypatch: pytest.MonkeyPatch, known_machine: None) -> None:
    """Nothing is wrong with it, whatever else runs here."""
    monkeypatch.setattr(opening, "conditions", lambda with_loop: SOUND)


def test_a_run_warns_of_its_own_disturbed_rows(
    sound_machine: None, tmp_path: Path, row: MakeRow
) -> None:
    """Also of those of an earlier start."""
    with start_run({}, [], 1, "box", tmp_path, False, Budget(inf)) as run:
        run.journal.append(row(seconds=1e-3, samples=[1e-3], waited=0.0, disturbed=3))
    assert [warning.code for warning in run.warnings(1)] == ["disturbed"]


def test_a_run_warns_of_the_clock_of_its_gpu(
    sound_machine: None, tmp_path: Path, row: MakeRow
) -> None:
    """As the rows saw it: before anything ran it was idle."""
    slow = GpuState(name="Slide Rule", sm_mhz=900, max_sm_mhz=2000, idle=False, slowed_by=["heat"])
    with start_run({}, [], 1, "box", tmp_path, False, Budget(inf)) as run:
        run.journal.append(row(seconds=1e-3, samples=[1e-3], gpu=slow))
    assert [warning.code for warning in run.warnings(1)] == ["gpu-slowed"]
