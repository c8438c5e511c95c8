from __future__ import annotations

import pytest
from msgspec.structs import replace

from perceptron.analysis.gpu_clock import gpu_warnings
from perceptron.records.conditions import GpuState
from perceptron.records.measurement import Measurement
from perceptron.records.warning import MeasurementWarning
from tests.conftest import MakeRow

FULL = GpuState(name="Slide Rule", sm_mhz=1980, max_sm_mhz=1980, idle=False, slowed_by=[])
CAPPED = replace(FULL, sm_mhz=1200, slowed_by=["power cap"])


def warnings(row: MakeRow, *states: GpuState | None) -> list[MeasurementWarning]:
    return gpu_warnings(row(gpu=state) for state in states)


def test_a_clock_that_was_lowered_is_warned_of_with_its_rows(row: MakeRow) -> None:
    """How far, in how many, and by what; rows of the host do not count."""
    states = [FULL] * 26 + [CAPPED] * 13 + [replace(CAPPED, slowed_by=["heat", "power cap"])]
    (warning,) = warnings(row, None, *states)
    assert warning.code == "gpu-clock"
    assert warning.message == (
        "the GPU (Slide Rule) ran at 1,200 of 1,980 MHz in 14 of 40 rows, kept down by power cap, "
        "heat"
    )
    assert warning.advice


@pytest.mark.parametrize(
    ("state", "is_warned"),
    [
        (FULL, False),
        (replace(FULL, sm_mhz=1881), False),
        (replace(FULL, sm_mhz=1880), True),
        (replace(FULL, sm_mhz=345, idle=True), False),
        (replace(FULL, sm_mhz=345, idle=None), False),
        (replace(FULL, sm_mhz=None), False),
        (replace(FULL, max_sm_mhz=None), False),
        (replace(FULL, slowed_by=["heat"]), True),
        (replace(FULL, slowed_by=None), False),
    ],
)
def test_only_what_is_known_is_warned_of(row: MakeRow, state: GpuState, is_warned: bool) -> None:
    """Within 5 % of its highest clock a GPU ran at full speed; one that idled was read too late."""
    assert bool(warnings(row, state)) is is_warned


def test_a_locked_clock_is_said_and_not_held_against_the_rows(row: MakeRow) -> None:
    """Below the highest by a lock is as somebody wanted it; a power cap is not."""
    locked = replace(FULL, sm_mhz=1410, slowed_by=["application clocks"], locked=True)
    (said,) = warnings(row, locked, locked)
    assert said.code == "gpu-locked"
    assert "locked, at 1,410 of 1,980 MHz in 2 of 2 rows" in said.message
    hot = replace(locked, slowed_by=["application clocks", "heat"])
    slowed, said = warnings(row, locked, hot)
    assert (slowed.code, said.code) == ("gpu-clock", "gpu-locked")
    assert slowed.message.endswith("in 1 of 2 rows, kept down by heat")


def test_each_gpu_is_judged_by_itself(row: MakeRow) -> None:
    """What a failed row read says nothing of a time; an unknown clock is said to be so."""
    other = GpuState(name="Abacus", slowed_by=["heat"])
    failed: Measurement = row(gpu=CAPPED, status="failed")
    (warning,) = gpu_warnings([row(gpu=FULL), failed, row(gpu=other)])
    assert "(Abacus) ran at unknown of unknown MHz in 1 of 1 rows" in warning.message


def test_a_name_from_a_file_is_shown_in_one_short_line(row: MakeRow) -> None:
    """What is stored is untrusted."""
    (warning,) = warnings(row, replace(CAPPED, name="x\x1b[31m\n" + "y" * 1000, slowed_by=["h\n"]))
    assert warning.message.isprintable()
    assert len(warning.message) < 200
