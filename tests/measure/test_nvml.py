"""What NVIDIA's driver tells: which GPU is ours, and in what state."""

from __future__ import annotations

import importlib
from types import ModuleType

import pynvml
import pytest

from perceptron.measure import nvml as tested
from perceptron.measure.nvml import NoDevice, device_of_process, gpu_states
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


@pytest.mark.parametrize(
    ("mode", "exclusive"),
    [
        (None, None),
        (pynvml.NVML_COMPUTEMODE_DEFAULT, False),
        (pynvml.NVML_COMPUTEMODE_EXCLUSIVE_PROCESS, True),
    ],
)
def test_a_gpu_for_one_process_is_known(
    nvml: MakeNvml, mode: int | None, exclusive: bool | None
) -> None:
    """All but one of the workers that start side by side would fail there."""
    (state,) = gpu_states(nvml(mode=mode))
    assert state.exclusive is exclusive


UNEQUAL = ("Abacus", "Slide Rule")
EQUAL = ("Abacus", "Abacus", "Abacus")


@pytest.mark.parametrize(
    ("names", "variables", "uuid", "found"),
    [
        (("Abacus",), {}, None, 0),
        (EQUAL, {"CUDA_VISIBLE_DEVICES": "2,0"}, None, 2),
        (UNEQUAL, {"CUDA_VISIBLE_DEVICES": "1", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}, None, 1),
        (UNEQUAL, {"CUDA_VISIBLE_DEVICES": "GPU-1a"}, None, 1),
        (UNEQUAL, {"CUDA_VISIBLE_DEVICES": "0"}, "GPU-1a7e", 1),
        # CUDA and the driver number unequal GPUs in different orders: none is guessed.
        (UNEQUAL, {}, None, "one of several GPUs"),
        (("Abacus",), {"CUDA_VISIBLE_DEVICES": "MIG-0a7e"}, None, "part of a GPU"),
        (EQUAL, {}, "ffff", "part of a GPU"),
        (EQUAL, {"CUDA_VISIBLE_DEVICES": "7"}, None, "CUDA_VISIBLE_DEVICES=7 names no GPU"),
        (EQUAL, {"CUDA_VISIBLE_DEVICES": ""}, None, "names no GPU"),
    ],
)
def test_the_gpu_of_this_process_is_found_or_it_says_why_not(
    nvml: MakeNvml,
    names: tuple[str, ...],
    variables: dict[str, str],
    uuid: str | None,
    found: int | str,
) -> None:
    """By what the library that drives it calls it, else by what the environment shows of them."""
    driver = nvml(names=names)
    if isinstance(found, int):
        assert device_of_process(uuid, driver, variables).handle == found
        return
    with pytest.raises(NoDevice, match=found):
        device_of_process(uuid, driver, variables)


def test_without_a_driver_the_reason_says_so(
    nvml: MakeNvml, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one line, as everything that cannot run does."""
    with pytest.raises(NoDevice, match="no NVIDIA driver"):
        device_of_process(nvml=nvml(driver=False))

    def missing(name: str) -> ModuleType:
        raise ImportError(name)

    tested.driver.cache_clear()
    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(NoDevice, match="nvidia-ml-py is not installed"):
        tested.driver()
