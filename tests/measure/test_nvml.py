"""What NVIDIA's driver tells: which GPU is ours, and in what state."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

import pynvml
import pytest

from perceptron.measure import nvml as tested
from perceptron.measure.nvml import NoDevice, device_of_process, gpu_states
from tests.measure.conftest import MakeNvml, make_nvml

LOCK_NAME = "nvmlClocksThrottleReasonApplicationsClocksSetting"
LOCK = getattr(pynvml, LOCK_NAME)


def test_gpu_states_come_with_what_lowers_them(nvml: MakeNvml) -> None:
    """Idling is no slowdown; each other reason is in words."""
    nvml(pynvml.nvmlClocksThrottleReasonGpuIdle)
    (idle,) = gpu_states()
    assert (idle.name, idle.sm_mhz, idle.max_sm_mhz) == ("Slide Rule", 1200, 2000)
    assert (idle.idle, idle.slowed_by) == (True, [])
    assert (idle.power_limit_watts, idle.temperature_celsius) == (250.5, 61)
    both = (
        pynvml.nvmlClocksThrottleReasonSwPowerCap | pynvml.nvmlClocksThrottleReasonHwThermalSlowdown
    )
    nvml(both)
    (hot,) = gpu_states()
    assert (hot.idle, hot.slowed_by) == (False, ["heat", "power cap"])


def test_nvml_missing_values_are_none(nvml: MakeNvml) -> None:
    """The rest is reported all the same; without a driver there is no GPU."""
    nvml(None)
    (clock,) = gpu_states()
    assert (clock.sm_mhz, clock.idle, clock.slowed_by, clock.locked) == (1200, None, None, None)
    nvml(0, driver=False)
    assert gpu_states() == []


@pytest.mark.parametrize(
    ("told", "locked", "exclusive"),
    [
        ({}, None, None),
        ({"application_clocks": (1980, 1980)}, False, None),
        ({"application_clocks": (1410, 1980)}, True, None),
        ({"bits": LOCK, "application_clocks": (1980, 1980)}, True, None),
        ({"mode": pynvml.NVML_COMPUTEMODE_DEFAULT}, None, False),
        ({"mode": pynvml.NVML_COMPUTEMODE_EXCLUSIVE_PROCESS}, None, True),
    ],
)
def test_nvml_reports_locked_clock_and_exclusive_mode(
    nvml: MakeNvml, told: dict[str, Any], locked: bool | None, exclusive: bool | None
) -> None:
    """A clock by its reason, or by one for applications that is not the default; else not known.

    All but one of the workers that start side by side would fail on a GPU for one process.
    """
    nvml(**told)
    (state,) = gpu_states()
    assert (state.locked, state.exclusive) == (locked, exclusive)


@pytest.mark.parametrize("constant", [name for name in vars(make_nvml()) if name[:5] != "nvmlD"])
def test_nvml_missing_constant_costs_its_value_only(nvml: MakeNvml, constant: str) -> None:
    """NVIDIA renames them."""
    made = nvml(LOCK, mode=pynvml.NVML_COMPUTEMODE_EXCLUSIVE_PROCESS)
    if isinstance(getattr(made, constant), int):
        delattr(made, constant)
    (state,) = gpu_states()
    assert state.name == "Slide Rule"
    assert state.exclusive
    assert (state.sm_mhz is None) == (constant == "NVML_CLOCK_SM")
    assert (state.slowed_by == []) == (constant == LOCK_NAME)


@pytest.mark.parametrize(
    ("modes", "refused"),
    [((), False), ((0,), False), ((3,), True), ((3, 0), False), ((3, 3), True)],
)
def test_gpus_that_are_all_for_one_process_say_how_they_are_shared_again(
    nvml: MakeNvml, modes: tuple[int, ...], refused: bool
) -> None:
    """Of several GPUs one that is shared may be the one that trains."""
    made = nvml(names=("Slide Rule",) * len(modes))
    made.nvmlDeviceGetComputeMode = lambda device: modes[device]
    reason = tested.unshareable()
    assert (reason is not None) == refused
    if reason is not None:
        assert reason.endswith(": sudo nvidia-smi --compute-mode DEFAULT")


EQUAL = ("Abacus", "Abacus")


@pytest.mark.parametrize(
    ("names", "uuid", "found"),
    [
        (("Abacus",), None, 0),
        (EQUAL, "GPU-1a7e", 1),
        (EQUAL, "1a7e", 1),
        # CUDA and the driver number several in different orders: none is guessed.
        (EQUAL, None, None),
        (EQUAL, "MIG-0a7e", None),
    ],
)
def test_nvml_finds_gpu_of_process_or_gives_reason(
    nvml: MakeNvml, names: tuple[str, ...], uuid: str | None, found: int | None
) -> None:
    nvml(names=names)
    if found is not None:
        assert device_of_process(uuid).handle == found
        return
    with pytest.raises(NoDevice, match="part of a GPU, or on an unknown one"):
        device_of_process(uuid)


def test_nvml_without_driver_gives_reason(nvml: MakeNvml, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one line, as everything that cannot run does."""
    nvml(driver=False)
    with pytest.raises(NoDevice, match="no NVIDIA driver"):
        device_of_process()

    def missing(name: str) -> ModuleType:
        raise ImportError(name)

    tested.driver.cache_clear()
    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(NoDevice, match="nvidia-ml-py is not installed"):
        tested.driver()
