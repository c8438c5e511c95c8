"""How fast GPUs are clocked right now, why, and what else decides it. Read, never set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from perceptron.measure.nvml import NoDevice, NvmlDevice, driver, started
from perceptron.records.conditions import GpuState

# https://docs.nvidia.com/deploy/nvml-api/group__nvmlClocksEventReasons.html
_LOCKED = "nvmlClocksThrottleReasonApplicationsClocksSetting"
_REASONS = {
    "nvmlClocksThrottleReasonHwSlowdown": "hardware slowdown",
    "nvmlClocksThrottleReasonHwThermalSlowdown": "heat",
    "nvmlClocksThrottleReasonSwThermalSlowdown": "heat, by the driver",
    "nvmlClocksThrottleReasonHwPowerBrakeSlowdown": "power brake",
    "nvmlClocksThrottleReasonSwPowerCap": "power cap",
    _LOCKED: "application clocks",
    "nvmlClocksThrottleReasonSyncBoost": "a slower GPU of its group",
}


def gpu_states(nvml: Any = None) -> list[GpuState]:
    """Read the state of each GPU that NVIDIA's driver knows; nothing without a driver.

    ``nvml`` has the functions and constants of ``pynvml``, which is imported if it is None.
    """
    try:
        nvml = driver() if nvml is None else started(nvml)
    except NoDevice:
        return []
    try:
        return [
            gpu_state(NvmlDevice(nvml, nvml.nvmlDeviceGetHandleByIndex(index)))
            for index in range(nvml.nvmlDeviceGetCount())
        ]
    except nvml.NVMLError:
        return []


def gpu_state(device: NvmlDevice) -> GpuState:
    """Read the state of a GPU; what it does not report is None. Takes some milliseconds at most."""
    nvml = device.nvml

    def query(name: str, *arguments: int) -> Any:
        # An older binding lacks it, or it is not supported by partitions and older devices.
        function: Callable[..., Any] | None = getattr(nvml, name, None)
        try:
            return None if function is None else function(device.handle, *arguments)
        except nvml.NVMLError:
            return None

    bits = query("nvmlDeviceGetCurrentClocksThrottleReasons")
    milliwatts = query("nvmlDeviceGetEnforcedPowerLimit")
    clocks = [
        query(f"nvmlDeviceGet{name}ApplicationsClock", nvml.NVML_CLOCK_SM)
        for name in ("", "Default")
    ]
    return GpuState(
        name=query("nvmlDeviceGetName") or "unnamed GPU",
        sm_mhz=query("nvmlDeviceGetClockInfo", nvml.NVML_CLOCK_SM),
        max_sm_mhz=query("nvmlDeviceGetMaxClockInfo", nvml.NVML_CLOCK_SM),
        idle=None if bits is None else bool(bits & nvml.nvmlClocksThrottleReasonGpuIdle),
        slowed_by=None
        if bits is None
        else [words for name, words in _REASONS.items() if bits & getattr(nvml, name)],
        power_limit_watts=None if milliwatts is None else milliwatts / 1e3,
        temperature_celsius=query("nvmlDeviceGetTemperature", nvml.NVML_TEMPERATURE_GPU),
        locked=_locked(bits is not None and bool(bits & getattr(nvml, _LOCKED)), clocks),
    )


def _locked(is_reason: bool, clocks: list[int | None]) -> bool | None:
    """Return whether somebody fixed the clock, as far as the driver tells.

    The driver says so, or the clock for applications is another one than its default. None where
    it keeps no such clocks; a range that ``nvidia-smi --lock-gpu-clocks`` has set cannot be read.
    """
    if is_reason:
        return True
    now, default = clocks
    return None if now is None or default is None else now != default
