from __future__ import annotations

import pynvml
import pytest

from perceptron.measure.gpu_state import gpu_states
from tests.measure.conftest import MakeNvml

LOCK = pynvml.nvmlClocksThrottleReasonApplicationsClocksSetting


def test_gpu_states_come_with_what_lowers_them(nvml: MakeNvml) -> None:
    """Idling is no slowdown; each other reason is in words."""
    (idle,) = gpu_states(nvml(pynvml.nvmlClocksThrottleReasonGpuIdle))
    assert (idle.name, idle.sm_mhz, idle.max_sm_mhz) == ("Slide Rule", 1200, 2000)
    assert (idle.idle, idle.slowed_by) == (True, [])
    assert (idle.power_limit_watts, idle.temperature_celsius) == (250.5, 61)
    both = (
        pynvml.nvmlClocksThrottleReasonSwPowerCap | pynvml.nvmlClocksThrottleReasonHwThermalSlowdown
    )
    (hot,) = gpu_states(nvml(both))
    assert (hot.idle, hot.slowed_by) == (False, ["heat", "power cap"])


def test_what_a_driver_does_not_report_is_none(nvml: MakeNvml) -> None:
    """The rest is reported all the same; without a driver there is no GPU."""
    (clock,) = gpu_states(nvml(None))
    assert (clock.sm_mhz, clock.idle, clock.slowed_by, clock.locked) == (1200, None, None, None)
    assert gpu_states(nvml(0, driver=False)) == []


@pytest.mark.parametrize(
    ("bits", "clocks", "locked"),
    [
        (0, None, None),
        (0, (1980, 1980), False),
        (0, (1410, 1980), True),
        (LOCK, None, True),
        (LOCK, (1980, 1980), True),
    ],
)
def test_a_clock_is_locked_if_the_driver_says_so(
    nvml: MakeNvml, bits: int, clocks: tuple[int, int] | None, locked: bool | None
) -> None:
    """By its reason, or by a clock for applications that is not the default; else not known."""
    (state,) = gpu_states(nvml(bits, application_clocks=clocks))
    assert state.locked is locked
