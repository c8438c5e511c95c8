"""What a worker measures beside training: phases of an iteration, ceilings, the harness itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np

from perceptron.backends.accelerators.protocol import accelerator_of
from perceptron.backends.protocol import Backend, Unsupported
from perceptron.measure.device_costs import device_ceilings
from perceptron.measure.hardware import device_of, hardware_of
from perceptron.measure.job import Part
from perceptron.measure.rank_waiting import meter_of
from perceptron.measure.timed_loop import TimedLoop, part, repeat
from perceptron.measure.timing import Effort, time_training
from perceptron.problems.problem import DType, Problem

# Of a square matrix in the ceiling's product, and of the array that is copied: far beyond caches,
# and quick enough to be repeated.
_PRODUCT_WIDTH = 2048
_COPY_BYTES = 256 * 2**20


def phases(backend: Backend, problem: Problem, dtype: DType, effort: Effort) -> Iterator[Part]:
    """Time loops that end after each phase of an iteration, for a trainer that has ``phases``.

    Raises `Unsupported` for one that has none.
    """
    trainer = backend.prepare(problem, dtype)
    if not hasattr(trainer, "phases"):
        raise Unsupported("its iterations have no separate phases")
    hardware_of(backend).warm_up(trainer)
    with meter_of(backend) as meter:
        for name, loop in trainer.phases().items():
            yield part(
                name, 1.0, time_training(TimedLoop(loop, trainer.reset), effort, meter=meter)
            )


def ceilings(backend: Backend, dtype: DType, effort: Effort) -> Iterator[Part]:
    """Time a large matrix product and a large copy in ``dtype``, where the backend trains.

    That is its device, or this host with this process's threads.
    """
    if accelerator := accelerator_of(backend):
        yield from device_ceilings(accelerator, device_of(accelerator), dtype, effort)
    else:
        yield from _host_ceilings(dtype, effort)


def _host_ceilings(dtype: DType, effort: Effort) -> Iterator[Part]:
    width = _PRODUCT_WIDTH
    left, right = np.ones((width, width), dtype), np.ones((width, width), dtype)
    product = np.empty_like(left)
    loop = repeat(lambda: np.matmul(left, right, out=product))
    yield part("product", 2.0 * width**3, time_training(TimedLoop(loop), effort))
    source = np.ones(_COPY_BYTES // np.dtype(dtype).itemsize, dtype)
    target = np.empty_like(source)
    loop = repeat(lambda: np.copyto(target, source))
    # Every byte is read once and written once.
    yield part("copy", 2.0 * _COPY_BYTES, time_training(TimedLoop(loop), effort))


def harness(samples: int = 1000) -> Iterator[Part]:
    """Time a training of one iteration that does nothing: what the clock and the call take."""
    empty = TimedLoop(lambda iterations: None)
    yield part("call", 1.0, time_training(empty, Effort(samples=samples, iterations=1)))


def kernels(backend: Backend, problem: Problem, dtype: DType) -> Iterator[Part]:
    """List the kernels of one iteration, for a backend that can: their work is operations.

    Nothing runs, so that their seconds are 0. Raises `Unsupported`.
    """
    if not hasattr(backend, "kernels"):
        raise Unsupported("its operations are not dispatched individually")
    for kernel in backend.kernels(problem, dtype):
        yield Part(
            name=kernel.name,
            work=kernel.operations,
            bytes_moved=kernel.bytes_moved,
            thinnest=kernel.thinnest,
            seconds=0.0,
            samples=[],
            iterations=1,
        )


def spin(seconds: float) -> Callable[[int], None]:
    """Return a training whose iterations take this long, by the clock."""

    def loop(iterations: int) -> None:
        for _ in range(iterations):
            end = time.perf_counter() + seconds
            while time.perf_counter() < end:
                pass

    return loop
