"""How fast the GPUs are clocked right now, and why."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from perceptron.records.conditions import GpuState

# https://docs.nvidia.com/deploy/nvml-api/group__nvmlClocksEventReasons.html
_REASONS = {
    "nvmlClocksThrottleReasonHwSlowdown": "hardware slowdown",
    "nvmlClocksThrottleReasonHwThermalSlowdown": "heat",
    "nvmlClocksThrottleReasonSwThermalSlowdown": "heat, by the driver",
    "nvmlClocksThrottleReasonHwPowerBrakeSlowdown": "power brake",
    "nvmlClocksThrottleReasonSwPowerCap": "power cap",
    "nvmlClocksThrottleReasonApplicationsClocksSetting": "application clocks",
    "nvmlClocksThrottleReasonSyncBoost": "a slower GPU of its group",
}


def gpu_states(nvml: Any = None) -> list[GpuState]:
    """Read the clock of each GPU that NVIDIA's driver knows; nothing without a driver.

    ``nvml`` has the functions and constants of ``pynvml``, which is imported if it is None.
    """
    if nvml is None:
        try:
            nvml = importlib.import_module("pynvml")
        except ImportError:
            return []
    try:
        nvml.nvmlInit()
        devices = [
            nvml.nvmlDeviceGetHandleByIndex(index) for index in range(nvml.nvmlDeviceGetCount())
        ]
        return [_clock(nvml, device) for device in devices]
    except nvml.NVMLError:
        return []


def _clock(nvml: Any, device: Any) -> GpuState:
    def query(function: Callable[..., int], *arguments: int) -> int | None:
        try:
            return function(device, *arguments)
        except nvml.NVMLError:  # not supported by partitions and older devices
            return None

    bits = query(nvml.nvmlDeviceGetCurrentClocksThrottleReasons)
    return GpuState(
        name=nvml.nvmlDeviceGetName(device),
        sm_mhz=query(nvml.nvmlDeviceGetClockInfo, nvml.NVML_CLOCK_SM),
        max_sm_mhz=query(nvml.nvmlDeviceGetMaxClockInfo, nvml.NVML_CLOCK_SM),
        idle=None if bits is None else bool(bits & nvml.nvmlClocksThrottleReasonGpuIdle),
        slowed_by=None
        if bits is None
        else [words for name, words in _REASONS.items() if bits & getattr(nvml, name)],
    )
