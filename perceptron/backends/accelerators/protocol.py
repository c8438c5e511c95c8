"""What a device beside the host can be asked, whatever library drives it."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable, Mapping

import numpy as np

from perceptron.backends.protocol import Backend
from perceptron.problems.problem import DType

# Does something this many times, and returns when the device has done it.
Loop = Callable[[int], None]
# Hands so many training iterations to the device and returns at once.
Queue = Callable[[int], None]

NO_CUDA_DEVICE = "no CUDA device found"

PLACES: dict[str, str] = {}
"""Where the work of a kind of device is done, if not on itself: tests have the CPU stand in."""


def loop_of(work: Callable[[], object], wait: Callable[[], None] | None = None) -> Loop:
    """Return a loop that does this work again and again, and in the end waits for the device."""

    def loop(iterations: int) -> None:
        for _ in range(iterations):
            work()
        if wait is not None:
            wait()

    return loop


def place_of(kind: str) -> str:
    """Return where the work of a device of this kind is done: on itself, or on the CPU.

    All else in the backends asks an accelerator for its ``place``, and does there what it would do
    on any CPU.
    """
    return PLACES.get(kind, kind)


class Accelerator:
    """A device; here the CPU, driven by NumPy, in the place of one whose library needs a GPU.

    Making one is free: heavy imports stay inside the methods. No method asks more than the library
    knows; what it does not know is None. A backend names its own in the attribute ``accelerator``,
    where the CPU has None.
    """

    kind: str = "cuda"
    """As `Backend.device` names it: ``cuda``, ``mps``, ``xpu``."""

    @property
    def place(self) -> str:
        """Where its work is done: its kind, or ``cpu`` where the CPU stands in for it."""
        return "cpu"

    def unavailable(self) -> str | None:
        """Return why it cannot be used here, in one line; None if it can."""
        return None

    def touch(self) -> None:
        """Start what starts once in a process, and wait for it.

        That is the client, the context, the allocator and the library of products: it costs a
        process seconds, and no problem.
        """
        self.product(2, "float32")(1)

    def synchronize(self) -> None:
        """Wait until the device has done all that it was given."""

    def reset_peak_memory(self) -> None:
        """Forget the most memory held so far, where the library can."""

    def peak_memory(self) -> int | None:
        """Return the most bytes that the library's allocator gave out since `reset_peak_memory`."""
        return None

    def free_memory(self) -> int | None:
        """Return the bytes that a training may take of the device's memory."""
        return None

    def release(self) -> None:
        """Give back the memory that the library keeps for later."""

    def uuid(self) -> str | None:
        """Return what NVIDIA's driver calls the device."""
        return None

    def busy_seconds(self, queue: Queue, iterations: int) -> float | None:
        """Return the device's own seconds per training iteration, by its own events.

        Everything is queued before the device begins, so that it never waits for the host. None
        where that cannot be had. The CPU has done what was queued when ``queue`` returns.
        """
        begin = time.perf_counter()
        queue(iterations)
        return (time.perf_counter() - begin) / iterations

    def product(self, width: int, dtype: DType) -> Loop:
        """Return a loop of products of two square matrices of this width, in full precision."""
        left, right, result = (np.ones((width, width), dtype) for _ in range(3))
        return self._loop(lambda: np.dot(left, right, out=result))

    def copy(self, size: int) -> Loop:
        """Return a loop that copies so many bytes within the device's memory."""
        source, target = (np.ones(size // 4, "float32") for _ in range(2))
        return self._loop(lambda: np.copyto(target, source))

    def transfers(self, size: int) -> Mapping[str, Loop]:
        """Return loops that copy so many bytes ``host to device`` and ``device to host``."""
        return {"host to device": self.copy(size), "device to host": self.copy(size)}

    def versions(self) -> dict[str, str]:
        """Return versions of what drives the device beneath the library, by name."""
        return {}

    def _loop(self, work: Callable[[], object]) -> Loop:
        return loop_of(work, self.synchronize)


def accelerator_of(backend: Backend) -> Accelerator | None:
    """Return the device that a backend trains on, None for one that trains on the host."""
    accelerator: Accelerator | None = getattr(backend, "accelerator", None)
    return accelerator


def place(backend: Backend) -> str:
    """Return where a backend trains: on the CPU, or where its accelerator's work is done."""
    accelerator = accelerator_of(backend)
    return "cpu" if accelerator is None else accelerator.place


def cuda_unavailable() -> str | None:
    """Return why no CUDA device can be used, in one line, or None.

    Asks the driver, which takes milliseconds. Honours ``CUDA_VISIBLE_DEVICES``. Creates no
    context, so it takes no memory of the device; but the driver must not be asked before a fork.
    """
    # The driver's library answers in a millisecond, importing a framework takes a second.
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return NO_CUDA_DEVICE
    count = ctypes.c_int(0)
    if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)):
        return NO_CUDA_DEVICE
    return None if count.value else NO_CUDA_DEVICE
