from __future__ import annotations

from math import inf
from pathlib import Path

import pytest

from perceptron.measure.budget import Budget
from perceptron.records.conditions import GpuState
from perceptron.studies.shared import opening
from perceptron.studies.shared.opening import start_run
from tests.conftest import MakeRow
from tests.made import SOUND


@pytest.fixture
def sound_machine(monkeypatch: pytest.MonkeyPatch, known_machine: None) -> None:
    """Nothing is wrong with it, whatever else runs here."""
    monkeypatch.setattr(opening, "conditions", lambda with_loop: SOUND)


def test_a_run_warns_of_its_own_contended_rows(
    sound_machine: None, tmp_path: Path, row: MakeRow
) -> None:
    """Also of those of an earlier start."""
    with start_run({}, [], 1, "box", tmp_path, False, Budget(inf)) as run:
        run.journal.append(row(seconds=1e-3, samples=[1e-3], waited=0.0, contended=3))
    assert [warning.code for warning in run.warnings(1)] == ["contended"]


def test_a_run_warns_of_the_clock_of_its_gpu(
    sound_machine: None, tmp_path: Path, row: MakeRow
) -> None:
    """As the rows saw it: before anything ran it was idle."""
    slow = GpuState(name="Slide Rule", sm_mhz=900, max_sm_mhz=2000, idle=False, slowed_by=["heat"])
    with start_run({}, [], 1, "box", tmp_path, False, Budget(inf)) as run:
        run.journal.append(row(seconds=1e-3, samples=[1e-3], gpu=slow))
    assert [warning.code for warning in run.warnings(1)] == ["gpu-slowed"]
