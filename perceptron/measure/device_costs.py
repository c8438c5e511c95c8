"""What a device can do, and what it costs beside training: its start, copies, one synchronise."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from perceptron.backends.accelerators.protocol import Accelerator, Loop, accelerator_of
from perceptron.backends.protocol import Backend, Unsupported
from perceptron.measure.hardware import Device, device_of
from perceptron.measure.job import Part
from perceptron.measure.timed_loop import TimedLoop, once, part, repeat
from perceptron.measure.timing import Clock, Effort, time_training
from perceptron.problems.problem import ITEMSIZE, DType, Problem

# As on the host, and twice as much until one takes so long: launches then take nothing to speak of.
_SMALLEST_WIDTH, _LARGEST_WIDTH = 2048, 16_384
_SMALLEST_COPY, _LARGEST_COPY = 256 * 2**20, 4 * 2**30
_PRODUCT_SECONDS, _COPY_SECONDS = 5e-3, 1e-3
# Of the device's memory, which others may use as well.
_LARGEST_SHARE = 0.25
_TRANSFERRED_BYTES = 64 * 2**20


def device_ceilings(
    accelerator: Accelerator,
    device: Device,
    dtype: DType,
    effort: Effort,
    clock: Clock = time.perf_counter,
) -> Iterator[Part]:
    """Time a product in full precision and a copy on the device, as large as they need to be."""
    itemsize = ITEMSIZE[dtype]
    width, loop = _large(
        lambda width: accelerator.product(width, dtype),
        (_SMALLEST_WIDTH, _LARGEST_WIDTH),
        lambda width: 3 * itemsize * width**2,
        _PRODUCT_SECONDS,
        device,
        clock,
    )
    yield part("product", 2.0 * width**3, time_training(TimedLoop(loop), effort))
    del loop
    size, loop = _large(
        accelerator.copy,
        (_SMALLEST_COPY, _LARGEST_COPY),
        lambda size: 2 * size,
        _COPY_SECONDS,
        device,
        clock,
    )
    # Every byte is read once and written once.
    yield part("copy", 2.0 * size, time_training(TimedLoop(loop), effort))


def _large(
    make: Callable[[int], Loop],
    sizes: tuple[int, int],
    memory: Callable[[int], int],
    seconds: float,
    device: Device,
    clock: Clock,
) -> tuple[int, Loop]:
    """Return the smallest size whose work takes so many seconds, and its loop, warmed up.

    It is one of a power of two times the smaller of ``sizes``, and fits into the device's memory.
    """
    size, largest = sizes
    free = device.free_bytes()
    most = None if free is None else _LARGEST_SHARE * free
    while True:
        loop = make(size)
        loop(1)  # what starts on first use
        device.warm_up(TimedLoop(loop))
        begin = clock()
        loop(1)
        took = clock() - begin
        device.has_worked()
        larger = 2 * size
        too_large = larger > largest or (most is not None and memory(larger) > most)
        if took >= seconds or too_large:
            return size, loop
        del loop  # its memory, before the next takes its own
        size = larger


def device(
    backend: Backend,
    problem: Problem,
    dtype: DType,
    effort: Effort,
    context_seconds: float | None,
    clock: Clock = time.perf_counter,
) -> Iterator[Part]:
    """Time what a device costs beside training, in a process in which nothing has run on it.

    ``context``, its start; ``first iteration``, the problem prepared and trained for one
    iteration, with all that is loaded, compiled and warmed up on the way; copies, whose work is
    bytes; one synchronise of an idle device. Raises `Unsupported` where there is no device.
    """
    accelerator = accelerator_of(backend)
    if accelerator is None:
        raise Unsupported("it trains on the host: there is no device to start or to copy to")
    if context_seconds is None:
        raise Unsupported("the device of this process was started before: a fresh process tells")
    yield once("context", context_seconds)
    begin = clock()
    trainer = backend.prepare(problem, dtype)
    trainer.train(1)
    yield once("first iteration", clock() - begin)
    del trainer
    own = device_of(accelerator)
    for name, loop in accelerator.transfers(_TRANSFERRED_BYTES).items():
        timed_loop = TimedLoop(loop)
        own.warm_up(timed_loop)
        yield part(name, float(_TRANSFERRED_BYTES), time_training(timed_loop, effort))
        own.has_worked()
    waiting = TimedLoop(repeat(accelerator.synchronize))
    yield part("synchronize", 1.0, time_training(waiting, effort))
