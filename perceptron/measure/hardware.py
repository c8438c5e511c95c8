"""The hardware of a row, with one interface for this host and for a device beside it."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property, lru_cache
from math import ceil
from threading import Thread
from typing import Any

from perceptron.backends.accelerators.protocol import Accelerator, accelerator_of
from perceptron.backends.protocol import Backend, Distributed, distributed
from perceptron.measure import memory
from perceptron.measure.nvml import NoDevice, NvmlDevice, device_of_process, gpu_state
from perceptron.measure.timing import Clock, Repeatable
from perceptron.records.conditions import GpuState
from perceptron.records.measurement import Timings

# An idle H100 clocks 345 MHz, a busy one 1,980.
WARM_UP_SECONDS = 0.3
# A device that was idle for longer is warmed up again: its clock falls.
_LONGEST_GAP_SECONDS = 0.05
# Of a call while warming up: long enough to keep the device busy between returns to the host.
_CALL_SECONDS = 0.01
# Of work that the device does by itself: it is held up until all of it is queued.
_QUEUED_SECONDS = 2e-3
# In the type's name or the message of errors of all libraries.
_OUT_OF_MEMORY = ("OutOfMemory", "RESOURCE_EXHAUSTED", "out of memory", "OUT_OF_MEMORY")


def hardware_of(backend: Backend) -> Host:
    """Return the device or the host that the backend trains on."""
    accelerator = accelerator_of(backend)
    if accelerator is not None:
        return device_of(accelerator)
    return Host(distributed(backend))


@lru_cache(maxsize=1)  # a worker has one backend
def device_of(accelerator: Accelerator) -> Device:
    """Return the cached device of an accelerator, which knows when it last worked."""
    return Device(accelerator)


def train_for(
    trainer: Repeatable, seconds: float, call_seconds: float, clock: Clock
) -> tuple[float, int]:
    """Train for ``seconds``, in calls of about ``call_seconds``, each from the start parameters.

    Return the elapsed seconds and the number of iterations.
    """
    begin = now = clock()
    iterations, trained = 1, 0
    while now - begin < seconds:
        trainer.reset()
        trainer.train(iterations)
        trained += iterations
        before, now = now, clock()
        if now - before < call_seconds:
            iterations *= 2
    return now - begin, trained


def ran_out(backend: Backend, error: BaseException) -> bool:
    """Return whether an error means that the device had no memory left; a host has MemoryError."""
    return accelerator_of(backend) is not None and any(
        phrase in f"{type(error).__name__}: {error}" for phrase in _OUT_OF_MEMORY
    )


class Host:
    """The processor and memory of this process, and of ``ranks``, which train together."""

    def __init__(self, ranks: Distributed | None) -> None:
        self._ranks = ranks

    def free_bytes(self) -> int | None:
        """Return the bytes of a device's memory that a training may take; None if unknown."""
        return None  # `memory.available_bytes` is checked anyway, on a device too

    def release(self) -> None:
        """Give freed memory back, so that every size starts from the same state."""
        memory.release()
        if self._ranks is not None:
            self._ranks.call_running(memory.release)

    def watch_memory(self) -> None:
        """Begin to watch the peak of memory."""
        memory.watch_peak() if self._ranks is None else self._ranks.call(memory.watch_peak)

    def peak_bytes(self) -> int | None:
        """Return the peak since `watch_memory`, in bytes beyond the memory in use then.

        For ranks it is the sum of their peaks; None if a peak is unknown.
        """
        if self._ranks is None:
            return memory.watched_peak()
        peaks = self._ranks.call(memory.watched_peak)
        known_peaks = [size for size in peaks if size is not None]
        return sum(known_peaks) if len(known_peaks) == len(peaks) else None

    def warm_up(self, trainer: Repeatable) -> None:
        """Train until the device runs at full speed; a host is warmed up by `time_training`."""

    def note_work(self) -> None:
        """Note that the device has worked until now."""

    def state_at_work(self, trainer: Repeatable, timing: Timings) -> GpuState | None:
        """Return the state of the GPU while it trains as it did for this timing, or None."""
        return None

    def own_seconds(self, trainer: Any, timing: Timings) -> float | None:
        """Return the device's seconds for an iteration if it never waits for the host, or None."""
        return None


class Device(Host):
    """A device beside the host, as its `accelerators.protocol.Accelerator` sees it."""

    def __init__(
        self,
        accelerator: Accelerator,
        clock: Clock = time.perf_counter,
        find: Callable[[str | None], NvmlDevice] = device_of_process,
    ) -> None:
        super().__init__(None)
        self._accelerator = accelerator
        self._clock = clock
        self._find = find
        self._worked_until: float | None = None
        self._held: int | None = None

    def free_bytes(self) -> int | None:
        # Not the driver's number, in which the cache of a library is not free.
        return self._accelerator.free_memory()

    def release(self) -> None:
        memory.release()  # drops unused objects, on the device too
        self._accelerator.release()

    def watch_memory(self) -> None:
        self._accelerator.reset_peak_memory()
        self._held = self._accelerator.peak_memory()

    def peak_bytes(self) -> int | None:
        peak = self._accelerator.peak_memory()
        # If a library cannot reset its peak, it is unknown until it rises.
        return None if peak is None else max(0, peak - (self._held or 0))

    def warm_up(self, trainer: Repeatable) -> None:
        """Train for `WARM_UP_SECONDS`, unless the device has just worked, or is the CPU.

        On the CPU `time_training` warms up.
        """
        until = self._worked_until
        has_just_worked = until is not None and self._clock() - until <= _LONGEST_GAP_SECONDS
        if self._accelerator.device_type != "cpu" and not has_just_worked:
            train_for(trainer, WARM_UP_SECONDS, _CALL_SECONDS, self._clock)

    def note_work(self) -> None:
        self._worked_until = self._clock()

    def state_at_work(self, trainer: Repeatable, timing: Timings) -> GpuState | None:
        device = self._nvml_device
        if device is None:
            return None
        self.warm_up(trainer)
        iterations = _lasting(_CALL_SECONDS, timing)
        trainer.reset()
        trainer.train(iterations)
        states: list[GpuState] = []

        def read() -> None:
            # Another version of the library may raise anything, which must not lose the row.
            with suppress(Exception):
                states.append(gpu_state(device))

        reader = Thread(target=read, daemon=True)
        reader.start()
        while reader.is_alive():  # the driver is asked outside Python's lock
            trainer.reset()
            trainer.train(iterations)
        self.note_work()
        return states[0] if states else None

    def own_seconds(self, trainer: Any, timing: Timings) -> float | None:
        queue = getattr(trainer, "queue", None)
        if queue is None:
            return None
        try:
            trainer.reset()
            return self._accelerator.busy_seconds(queue, _lasting(_QUEUED_SECONDS, timing))
        except Exception:  # noqa: BLE001 the row has its time, and must not be lost
            return None
        finally:
            self.note_work()

    def nvml_device(self) -> NvmlDevice:
        """Return NVIDIA's driver with its handle of the GPU. Raises `NoDevice`."""
        if self._accelerator.device_type == "cpu":
            raise NoDevice("the CPU stands in for the GPU")
        if self._accelerator.kind != "cuda":
            raise NoDevice("only NVIDIA's driver is asked")
        return self._find(self._accelerator.uuid())

    @cached_property
    def _nvml_device(self) -> NvmlDevice | None:
        with suppress(Exception):  # `NoDevice`, and whatever another version raises
            return self.nvml_device()
        return None


def _lasting(seconds: float, timing: Timings) -> int:
    """Return the iterations that take about ``seconds``, at most those of a sample."""
    assert timing.seconds, "it was timed"
    return min(timing.iterations or 1, max(1, ceil(seconds / timing.seconds)))
