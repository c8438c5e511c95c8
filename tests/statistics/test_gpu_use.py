from __future__ import annotations

import pytest
from msgspec.structs import replace

from perceptron.records.conditions import GpuState
from perceptron.records.warning import MeasurementWarning
from perceptron.statistics.gpu_use import gpu_use, gpu_warnings, state_line
from tests.made import GPU, measured

FULL = GpuState(name="Slide Rule", sm_mhz=1980, max_sm_mhz=1980, idle=False, slowed_by=[])
CAPPED = replace(FULL, sm_mhz=1200, slowed_by=["power cap"])


def warnings_of(*states: GpuState | None) -> list[MeasurementWarning]:
    return list(gpu_warnings(measured(gpu=state) for state in states))


def test_gpu_use_lowered_clock_warns() -> None:
    """How far, in how many, and by what; rows of the host do not count."""
    states = [FULL] * 26 + [CAPPED] * 13 + [replace(CAPPED, slowed_by=["heat", "power cap"])]
    (warning,) = warnings_of(None, *states)
    assert warning.code == "gpu-slowed"
    assert warning.message == (
        "the GPU (Slide Rule) ran at 1,200 of 1,980 MHz in 14 of 40 rows, lowered by power cap, "
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
def test_gpu_use_warns_about_known_slowdowns_only(state: GpuState, is_warned: bool) -> None:
    """Within 5% of its highest clock a GPU ran at full speed; one that idled was read too late."""
    assert bool(warnings_of(state)) is is_warned


def test_gpu_use_locked_clock_is_reported_only() -> None:
    """Below the highest by a lock is as somebody wanted it; a power cap is not."""
    locked = replace(FULL, sm_mhz=1410, slowed_by=["application clocks"], locked=True)
    (warning,) = warnings_of(locked, locked)
    assert warning.code == "gpu-locked"
    assert "locked, at 1,410 of 1,980 MHz in 2 of 2 rows" in warning.message
    hot = replace(locked, slowed_by=["application clocks", "heat"])
    slowed, warning = warnings_of(locked, hot)
    assert (slowed.code, warning.code) == ("gpu-slowed", "gpu-locked")
    assert slowed.message.endswith("in 1 of 2 rows, lowered by heat")


def test_gpu_use_name_is_printable() -> None:
    """What is stored is untrusted."""
    state = replace(CAPPED, name="x\x1b[31m\n" + "y" * 1000, slowed_by=["h\n"])
    (warning,), (line,) = warnings_of(state), map(state_line, gpu_use([measured(gpu=state)]))
    for text in (warning.message, line):
        assert text.isprintable()
        assert len(text) < 200


@pytest.mark.parametrize(
    ("states", "line"),
    [
        ([GPU], "clocks free (not locked), 1,980 of 1,980 MHz, 700 W limit, 54 °C"),
        (
            [replace(GPU, locked=True, max_sm_mhz=None)],
            "clocks locked, 1,980 MHz, 700 W limit, 54 °C",
        ),
        ([GpuState(name="Slide Rule")], "clocks locked or free: unknown"),
        (
            [GpuState(name="Slide Rule", locked=False, slowed_by=["power cap"])],
            "clocks free (not locked), in 1 of 1 rows lowered by power cap",
        ),
        (
            [GPU, replace(GPU, sm_mhz=1755, temperature_celsius=81)],
            "clocks free (not locked), 1,755–1,980 of 1,980 MHz, 700 W limit, 54–81 °C",
        ),
    ],
)
def test_gpu_use_state_line_gives_range(states: list[GpuState], line: str) -> None:
    """Of states that differ the span."""
    rows = [measured(gpu=state) for state in states]
    assert [*map(state_line, gpu_use(rows))] == [f"Slide Rule: {line}; read while it trained."]
