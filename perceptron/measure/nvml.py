"""NVIDIA's driver, asked through its management library: started once, and which GPU is ours."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple


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
    return started(nvml)


def started(nvml: Any) -> Any:
    """Return the module with its library started. Raises `NoDevice`."""
    try:
        nvml.nvmlInit()
    except nvml.NVMLError:
        raise NoDevice("no NVIDIA driver") from None
    return nvml


def device_of_process(
    uuid: str | None = None, nvml: Any = None, variables: Mapping[str, str] = os.environ
) -> NvmlDevice:
    """Return the GPU that CUDA calls its first in this process. Raises `NoDevice` if unsure.

    A ``uuid``, as the library that drives the device tells it, settles it. Else the only GPU, or
    the first that ``CUDA_VISIBLE_DEVICES`` names. CUDA counts the fastest first and this library by
    place on the bus, so that an index tells only where CUDA was told to do so too, or where all
    GPUs are of one kind.
    """
    nvml = driver() if nvml is None else started(nvml)
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
