"""The interface of a device beside the host, whatever library drives it."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable, Mapping

import numpy as np

from perceptron.backends.protocol import Backend
from perceptron.problems.problem import DType

# Repeats some work this number of times, and returns when the device has done it.
Loop = Callable[[int], None]
# Hands this number of training iterations to the device and returns at once.
Queue = Callable[[int], None]

NO_CUDA_DEVICE = "no CUDA device found"

PLACES: dict[str, str] = {}
"""The device that replaces a kind of device: in tests the CPU."""


def loop_of(work: Callable[[], object], wait: Callable[[], None] | None = None) -> Loop:
    """Return a loop that repeats the work, and in the end calls ``wait``."""

    def loop(iterations: int) -> None:
        for _ in range(iterations):
            work()
        if wait is not None:
            wait()

    return loop


def device_type_of(kind: str) -> str:
    """Return ``kind``, or the device that replaces it in tests.

    For accelerators; backends use `Accelerator.device_type`.
    """
    return PLACES.get(kind, kind)


class Accelerator:
    """A device beside the host. This base is a stand-in on the CPU, driven by NumPy.

    Creating an accelerator imports nothing: its methods import the library. They return None for
    facts that the library does not report. The attribute ``accelerator`` of a backend holds its
    device, or None for the CPU.
    """

    kind: str = "cuda"
    """The kind of device, as `Backend.device` names it: ``cuda``, ``mps``, ``xpu``."""

    @property
    def device_type(self) -> str:
        """Its kind, or ``cpu`` if the CPU stands in for it."""
        return "cpu"

    def unavailable(self) -> str | None:
        """Return the reason why it cannot be used here, in one line; None if it can."""
        return None

    def touch(self) -> None:
        """Initialize the device in this process, and wait for it.

        Creates the client, the context, the allocator and the library of matrix products. That
        takes seconds, which are no part of a problem's setup.
        """
        self.product(2, "float32")(1)

    def synchronize(self) -> None:
        """Wait until the device has done all queued work."""

    def reset_peak_memory(self) -> None:
        """Reset the peak of memory, if the library can."""

    def peak_memory(self) -> int | None:
        """Return the peak of bytes that the library allocated since `reset_peak_memory`."""
        return None

    def free_memory(self) -> int | None:
        """Return the bytes that a training may take of the device's memory."""
        return None

    def release(self) -> None:
        """Free the memory that the library caches."""

    def uuid(self) -> str | None:
        """Return the UUID of the device in NVIDIA's driver."""
        return None

    def busy_seconds(self, queue: Queue, iterations: int) -> float | None:
        """Return the device's seconds per training iteration, by its events.

        Everything is queued before the device begins, so that it never waits for the host; None if
        that is impossible. The CPU has done the work when ``queue`` returns.
        """
        begin = time.perf_counter()
        queue(iterations)
        return (time.perf_counter() - begin) / iterations

    def product(self, width: int, dtype: DType) -> Loop:
        """Return a loop of products of two (width, width) matrices, in full precision."""
        left, right, result = (np.ones((width, width), dtype) for _ in range(3))
        return self._loop(lambda: np.dot(left, right, out=result))

    def copy(self, size: int) -> Loop:
        """Return a loop that copies ``size`` bytes within the device's memory."""
        source, target = (np.ones(size // 4, "float32") for _ in range(2))
        return self._loop(lambda: np.copyto(target, source))

    def transfers(self, size: int) -> Mapping[str, Loop]:
        """Return loops that copy ``size`` bytes ``host to device`` and ``device to host``."""
        return {"host to device": self.copy(size), "device to host": self.copy(size)}

    def versions(self) -> dict[str, str]:
        """Return versions of the drivers and libraries below the framework, by name."""
        return {}

    def _loop(self, work: Callable[[], object]) -> Loop:
        return loop_of(work, self.synchronize)


def accelerator_of(backend: Backend) -> Accelerator | None:
    """Return the device that a backend trains on; None for the host."""
    accelerator: Accelerator | None = getattr(backend, "accelerator", None)
    return accelerator


def device_type(backend: Backend) -> str:
    """Return the `Accelerator.device_type` of a backend; ``cpu`` for the host."""
    accelerator = accelerator_of(backend)
    return "cpu" if accelerator is None else accelerator.device_type


def cuda_unavailable() -> str | None:
    """Return the reason why no CUDA device can be used, in one line; None if one can.

    Honours ``CUDA_VISIBLE_DEVICES``. Creates no context, so it takes no memory of the device. Do
    not call it before a fork: the driver does not survive one.
    """
    # The driver is queried in a millisecond; importing a framework takes a second.
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return NO_CUDA_DEVICE
    count = ctypes.c_int(0)
    if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)):
        return NO_CUDA_DEVICE
    return None if count.value else NO_CUDA_DEVICE
