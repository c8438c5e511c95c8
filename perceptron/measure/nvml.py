"""NVIDIA's driver, read through its management library: the GPU of this process and its state.

The clocks of a GPU and their limits are read, never set.
"""

from __future__ import annotations

import importlib
from functools import lru_cache
from typing import Any, NamedTuple

from perceptron.records.conditions import GpuState


class NoDevice(Exception):
    """The driver does not answer for this process's GPU; the message is the reason, in one line."""


class NvmlDevice(NamedTuple):
    """A GPU by the library's handle."""

    nvml: Any
    """The module ``pynvml``, or an object with its functions and constants."""
    handle: Any


@lru_cache(maxsize=1)
def driver() -> Any:
    """Return the module ``pynvml`` with its library started, once for this process.

    A process that started it must not fork. Raises `NoDevice`.
    """
    try:
        nvml = importlib.import_module("pynvml")
    except ImportError:
        raise NoDevice("nvidia-ml-py is not installed") from None
    try:
        nvml.nvmlInit()
    except nvml.NVMLError:
        raise NoDevice("no NVIDIA driver") from None
    return nvml


def device_of_process(uuid: str | None = None) -> NvmlDevice:
    """Return CUDA's first GPU in this process. Raises `NoDevice` if it is ambiguous.

    It is the GPU of ``uuid``, which the library of the device reports, else the only GPU: CUDA and
    this library number several GPUs in different orders.
    """
    nvml = driver()
    try:
        handles = [
            nvml.nvmlDeviceGetHandleByIndex(index) for index in range(nvml.nvmlDeviceGetCount())
        ]
        if uuid is not None:
            digits = uuid.removeprefix("GPU-")
            handles = [
                handle for handle in handles if digits in str(nvml.nvmlDeviceGetUUID(handle))
            ]
    except nvml.NVMLError as error:
        raise NoDevice(f"the NVIDIA driver does not tell which GPU is in use: {error}") from None
    if len(handles) != 1:
        raise NoDevice("this process runs on a part of a GPU, or on an unknown one of several")
    return NvmlDevice(nvml, handles[0])


# https://docs.nvidia.com/deploy/nvml-api/group__nvmlClocksEventReasons.html
_IDLE = "nvmlClocksThrottleReasonGpuIdle"
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
_SHARED = 0  # NVML_COMPUTEMODE_DEFAULT


def gpu_states() -> list[GpuState]:
    """Return the state of each GPU that NVIDIA's driver lists; [] without a driver."""
    try:
        nvml = driver()
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
    """Return the state of a GPU, within milliseconds; unknown fields are None."""
    nvml = device.nvml

    def query(name: str, constant: str | None = None) -> Any:
        # Another version lacks it, or partitions and older devices do not support it.
        try:
            arguments = () if constant is None else (getattr(nvml, constant),)
            return getattr(nvml, name)(device.handle, *arguments)
        except (nvml.NVMLError, AttributeError):
            return None

    bits = query("nvmlDeviceGetCurrentClocksThrottleReasons")
    reasons = {
        name: bool(bits & getattr(nvml, name))
        for name in (_IDLE, *_REASONS)
        if bits is not None and hasattr(nvml, name)
    }
    milliwatts = query("nvmlDeviceGetEnforcedPowerLimit")
    clock, default = (
        query(f"nvmlDeviceGet{name}ApplicationsClock", "NVML_CLOCK_SM") for name in ("", "Default")
    )
    # The driver keeps no such clocks, or the one for applications is another than its default. A
    # range that ``nvidia-smi --lock-gpu-clocks`` has set cannot be read.
    locked = None if clock is None or default is None else clock != default
    mode = query("nvmlDeviceGetComputeMode")
    return GpuState(
        name=query("nvmlDeviceGetName") or "unnamed GPU",
        sm_mhz=query("nvmlDeviceGetClockInfo", "NVML_CLOCK_SM"),
        max_sm_mhz=query("nvmlDeviceGetMaxClockInfo", "NVML_CLOCK_SM"),
        idle=reasons.get(_IDLE),
        slowed_by=[description for name, description in _REASONS.items() if reasons.get(name)]
        if reasons
        else None,
        power_limit_watts=None if milliwatts is None else milliwatts / 1e3,
        temperature_celsius=query("nvmlDeviceGetTemperature", "NVML_TEMPERATURE_GPU"),
        locked=reasons.get(_LOCKED) or locked,
        exclusive=None if mode is None else mode != _SHARED,
    )


@lru_cache(maxsize=1)  # every job calls it
def unshareable() -> str | None:
    """Return why no two processes can share a GPU of this machine, in one line, or None.

    None also if only some of several GPUs are exclusive: a training may use another.
    """
    gpus = gpu_states()
    if not gpus or not all(gpu.exclusive for gpu in gpus):
        return None
    return (
        f"{gpus[0].name} is in an exclusive compute mode, and two processes are needed, one that "
        "checks and one that is timed: sudo nvidia-smi --compute-mode DEFAULT"
    )
