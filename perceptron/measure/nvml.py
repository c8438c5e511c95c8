"""NVIDIA's driver, asked through its management library: which GPU is ours, and its state.

How fast a GPU is clocked right now, why, and what else decides it is read, never set.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from perceptron.records.conditions import GpuState


class NoDevice(Exception):
    """The driver cannot be asked about this process's GPU; the message is why, in one line."""


class NvmlDevice(NamedTuple):
    """A GPU as the library knows it."""

    nvml: Any
    """The module ``pynvml``, or what has its functions and constants."""
    handle: Any


@lru_cache(maxsize=1)
def driver() -> Any:
    """Return the module ``pynvml`` with its library started, which stays so in this process.

    No process that started it may fork. Raises `NoDevice`.
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


def device_of_process(
    uuid: str | None = None, variables: Mapping[str, str] = os.environ
) -> NvmlDevice:
    """Return the GPU that CUDA calls its first in this process. Raises `NoDevice` if unsure.

    A ``uuid``, as the library that drives the device tells it, settles it. Else the only GPU, or
    the first that ``CUDA_VISIBLE_DEVICES`` names. CUDA counts the fastest first and this library by
    place on the bus, so that an index tells only where CUDA was told to do so too, or where all
    GPUs are of one kind.
    """
    nvml = driver()
    try:
        handles = [
            nvml.nvmlDeviceGetHandleByIndex(index) for index in range(nvml.nvmlDeviceGetCount())
        ]
        return NvmlDevice(nvml, handles[_index(nvml, handles, uuid, variables)])
    except nvml.NVMLError as error:
        raise NoDevice(f"the NVIDIA driver does not tell which GPU is in use: {error}") from None


def _index(nvml: Any, handles: list[Any], uuid: str | None, variables: Mapping[str, str]) -> int:
    visible = variables.get("CUDA_VISIBLE_DEVICES")
    first = (visible or "").split(",")[0].strip()
    wanted = uuid or (first if first.startswith(("GPU-", "MIG-")) else None)
    if wanted is not None:
        matching = [
            index
            for index, handle in enumerate(handles)
            if nvml.nvmlDeviceGetUUID(handle)
            .removeprefix("GPU-")
            .startswith(wanted.removeprefix("GPU-"))
        ]
        if len(matching) == 1:
            return matching[0]
        raise NoDevice("this process runs on a part of a GPU, or on one that its driver hides")
    if len(handles) == 1:
        return 0
    in_order = variables.get("CUDA_DEVICE_ORDER") == "PCI_BUS_ID"
    if not in_order and len({nvml.nvmlDeviceGetName(handle) for handle in handles}) != 1:
        raise NoDevice("this process runs on an unknown one of several GPUs")
    if visible is None:
        first = "0"
    if first.isdecimal() and int(first) < len(handles):
        return int(first)
    raise NoDevice(f"CUDA_VISIBLE_DEVICES={visible} names no GPU that the driver knows")


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


def gpu_states() -> list[GpuState]:
    """Read the state of each GPU that NVIDIA's driver knows; nothing without a driver."""
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
    now, default = (
        query(f"nvmlDeviceGet{name}ApplicationsClock", nvml.NVML_CLOCK_SM)
        for name in ("", "Default")
    )
    # The driver keeps no such clocks, or the one for applications is another than its default. A
    # range that ``nvidia-smi --lock-gpu-clocks`` has set cannot be read.
    locked = None if now is None or default is None else now != default
    if bits is not None and bits & getattr(nvml, _LOCKED):
        locked = True
    mode = query("nvmlDeviceGetComputeMode")
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
        locked=locked,
        exclusive=None if mode is None else mode != nvml.NVML_COMPUTEMODE_DEFAULT,
    )
