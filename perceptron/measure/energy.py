"""What a training iteration takes in energy, by the counter of the GPU itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from perceptron.backends.accelerators.protocol import accelerator_of
from perceptron.backends.protocol import Backend, Unsupported, processes_of
from perceptron.measure.hardware import device_of
from perceptron.measure.job import Part
from perceptron.measure.nvml import NoDevice, NvmlDevice
from perceptron.measure.timing import Clock, Repeatable
from perceptron.problems.problem import DType, Problem

# The counter moves every 20 to 100 ms.
_WINDOW_SECONDS = 2.0
_LONGEST_STEP_SECONDS = 1.0
# Of one call: the counter is read between calls.
_CALL_SECONDS = 0.005

ReadJoules = Callable[[], float]


class Window(NamedTuple):
    """A while of training between two steps of the counter."""

    joules: float
    seconds: float
    iterations: int


def energy(backend: Backend, problem: Problem, dtype: DType) -> Iterator[Part]:
    """Train for two seconds or more, and divide what the GPU's counter counted meanwhile.

    It is all that the GPU takes while it trains, what it takes when idle included. Raises
    `Unsupported` where there is no counter.
    """
    if processes_of(backend) > 1:
        raise Unsupported("it trains on several GPUs, and the counter is that of one")
    accelerator = accelerator_of(backend)
    if accelerator is None:
        raise Unsupported("it trains on the host, whose energy is not measured")
    device = device_of(accelerator)
    try:
        read = counter(device.nvml_device())
    except NoDevice as reason:
        raise Unsupported(str(reason)) from None
    trainer = backend.prepare(problem, dtype)
    device.warm_up(trainer)
    window = train_by_counter(trainer, read)
    device.has_worked()
    seconds = window.seconds / window.iterations
    yield Part(
        name="energy",
        work=1.0,
        seconds=seconds,
        samples=[seconds],
        iterations=window.iterations,
        energy_joules=window.joules / window.iterations,
    )


def counter(device: NvmlDevice) -> ReadJoules:
    """Return what reads the joules that a GPU took since its driver was loaded.

    Raises `NoDevice` for a GPU that does not count them.
    """
    nvml, handle = device

    def read() -> float:
        return float(nvml.nvmlDeviceGetTotalEnergyConsumption(handle)) / 1e3

    try:
        read()
    except nvml.NVMLError:
        raise NoDevice("this GPU has no energy counter") from None
    return read


def train_by_counter(
    trainer: Repeatable, read: ReadJoules, clock: Clock = time.perf_counter
) -> Window:
    """Train from one step of the counter to the first one after two seconds.

    Each call trains from the start, as a sample does. Raises `Unsupported` for a counter that
    stands.
    """
    iterations = _iterations_of_a_call(trainer, clock)
    joules, begin, _ = _train_to_step(trainer, iterations, read, clock)
    trained, start, end, last = 0, joules, begin, joules
    while end - begin < _WINDOW_SECONDS:
        last, end, more = _train_to_step(trainer, iterations, read, clock)
        trained += more
    return Window(last - start, end - begin, trained)


def _train_to_step(
    trainer: Repeatable, iterations: int, read: ReadJoules, clock: Clock
) -> tuple[float, float, int]:
    """Train until the counter moves; return what it then shows, when, and the iterations."""
    before, begin, trained = read(), clock(), 0
    while True:
        trainer.reset()
        trainer.train(iterations)
        trained += iterations
        joules, now = read(), clock()
        if joules != before:
            return joules, now, trained
        if now - begin > _LONGEST_STEP_SECONDS:
            raise Unsupported("the GPU's energy counter stands")


def _iterations_of_a_call(trainer: Repeatable, clock: Clock) -> int:
    """Return iterations that take a few milliseconds."""
    iterations = 1
    while True:
        trainer.reset()
        begin = clock()
        trainer.train(iterations)
        if clock() - begin >= _CALL_SECONDS:
            return iterations
        iterations *= 2
