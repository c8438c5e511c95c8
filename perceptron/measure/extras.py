"""Extras, which a worker measures beside training.

They are the phases of an iteration, ceilings of the host and of a device, the overhead of the
harness, the kernels of an iteration, the costs of a device beside it (start, copies, one
synchronize), and the energy of a GPU, by its counter.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from perceptron import optional
from perceptron.backends.accelerators.protocol import Accelerator, accelerator_of, loop_of
from perceptron.backends.protocol import Backend, Unsupported, processes_of
from perceptron.measure.hardware import device_of, hardware_of, train_for
from perceptron.measure.job import Part, timed
from perceptron.measure.nvml import NoDevice, NvmlDevice
from perceptron.measure.ranks import meter_of
from perceptron.measure.timing import Clock, Effort, Repeatable, time_training
from perceptron.problems.problem import DType, Problem
from perceptron.records.measurement import Timings

# Width of the matrices in the ceiling's product, and bytes of the array that is copied: far beyond
# caches, quick enough to repeat, and so large that launches take a negligible time.
_HOST_CEILING = (2048, 256 * 2**20)
_DEVICE_CEILING = (8192, 2**30)
_TRANSFERRED_BYTES = 64 * 2**20
# Iterations to profile: a multiple of the steps in a recorded graph.
_PROFILED = 20
# Prefixes of a profiler's events that are not kernels.
_NO_KERNELS = ("Memcpy", "Memset")

# Of training for a GPU's energy counter, which advances every 20 to 100 ms.
_WINDOW_SECONDS = 2.0
# Of a call of this training.
_CALL_SECONDS = 0.005

ReadJoules = Callable[[], float]
Ran = tuple[str, float]
"""A kernel's name, and the seconds of a run of it."""
# Calls a function and returns the kernels that the device ran meanwhile.
Profiler = Callable[[Callable[[], None]], Iterable[Ran]]


class TimedLoop:
    """A loop as a `timing.Repeatable`."""

    def __init__(self, loop: Callable[[int], None], reset: Callable[[], None] | None = None):
        self.train = loop
        self._reset = reset

    def reset(self) -> None:
        if self._reset is not None:
            self._reset()


def part(name: str, work: float, timing: Timings) -> Part:
    """Return a part of an extra: ``work`` per iteration, with the times of an iteration."""
    return Part(name=name, work=work, **timed(timing))


def once(name: str, seconds: float) -> Part:
    """Return a part that happens once in a process, and so has one sample."""
    return Part(name=name, work=1.0, seconds=seconds, samples=[seconds], iterations=1)


def phases(backend: Backend, problem: Problem, dtype: DType, effort: Effort) -> Iterator[Part]:
    """Time loops that end after each phase of an iteration, for a trainer with ``phases``.

    Raises `Unsupported` for other trainers.
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
    """Time a large matrix product in ``dtype`` and a large copy, where the backend trains.

    That is its device, or this host with the threads of this process.
    """
    accelerator, hardware = accelerator_of(backend), hardware_of(backend)
    on_host = accelerator is None or accelerator.device_type == "cpu"
    width, size = _HOST_CEILING if on_host else _DEVICE_CEILING
    owner = accelerator or Accelerator()
    # Every byte of the copy is read once and written once.
    for name, work, make in (
        ("product", 2.0 * width**3, partial(owner.product, width, dtype)),
        ("copy", 2.0 * size, partial(owner.copy, size)),
    ):
        loop = TimedLoop(make())
        hardware.warm_up(loop)
        yield part(name, work, time_training(loop, effort))
        hardware.note_work()
        del loop  # frees its memory before the next loop allocates


def harness(samples: int = 1000) -> Iterator[Part]:
    """Time an iteration that does nothing: the overhead of the clock and the call."""
    empty = TimedLoop(lambda iterations: None)
    yield part("call", 1.0, time_training(empty, Effort(samples=samples, iterations=1)))


def kernels(backend: Backend, problem: Problem, dtype: DType) -> Iterator[Part]:
    """Yield the kernels of an iteration; ``work`` is their floating-point operations.

    Nothing runs, so their seconds are 0. Raises `Unsupported` for a backend that cannot list them.
    """
    if not hasattr(backend, "kernels"):
        raise Unsupported("its operations are not dispatched individually")
    for kernel in backend.kernels(problem, dtype):
        yield Part(
            name=kernel.name,
            work=kernel.operations,
            bytes_moved=kernel.bytes_moved,
            seconds=0.0,
            samples=[],
            iterations=1,
        )


def profile(
    backend: Backend, problem: Problem, dtype: DType, profiler: Profiler | None = None
) -> Iterator[Part]:
    """Yield the kernels of an iteration; ``work`` is the number of launches of each.

    PyTorch's profiler listens to the driver, so it sees the kernels of any library in the
    process, also those of a replayed graph; the count of `kernels.trace` is compared with it. The
    seconds are the device's. Raises `Unsupported` for a backend without a device, or one that
    cannot be profiled, with its reason (https://github.com/pytorch/kineto/issues/1062).
    """
    accelerator = accelerator_of(backend)
    if accelerator is None or accelerator.device_type == "cpu":
        raise Unsupported("it trains on the CPU, which launches no kernels")
    unprofiled = getattr(backend, "unprofiled", None)
    if unprofiled is not None and (reason := unprofiled()) is not None:
        raise Unsupported(reason)
    if profiler is None:
        if (reason := optional.missing("torch")) is not None:
            raise Unsupported(f"the profiler is PyTorch's: {reason}")
        profiler = partial(_torch_profile, accelerator.device_type)
    trainer = backend.prepare(problem, dtype)
    trainer.train(_PROFILED)  # work done once, such as loading a kernel, is over
    times: dict[str, list[float]] = defaultdict(list)
    for name, seconds in profiler(lambda: trainer.train(_PROFILED)):
        times[name].append(seconds)
    if not times:
        raise RuntimeError(
            "the profiler saw no kernel: it may lack the right to read the driver's counters"
        )
    for name, runs in times.items():
        yield Part(
            name=name,
            work=len(runs) / _PROFILED,
            seconds=sum(runs) / _PROFILED,
            samples=[],
            iterations=_PROFILED,
        )


def _torch_profile(device: str, work: Callable[[], None]) -> list[Ran]:
    from torch.profiler import ProfilerActivity
    from torch.profiler import profile as profiled

    with profiled(activities=[getattr(ProfilerActivity, device.upper())]) as session:
        work()
    return list(kernels_of(session.events() or [], device))


def kernels_of(events: Iterable[Any], device: str) -> Iterator[Ran]:
    """Yield the kernels among a session's events."""
    for event in events:
        on_device = event.device_type.name == device.upper() and not event.is_user_annotation
        if on_device and not event.name.startswith(_NO_KERNELS):
            yield event.name, event.time_range.elapsed_us() / 1e6


def device_costs(
    backend: Backend, problem: Problem, dtype: DType, effort: Effort, is_fresh: bool
) -> Iterator[Part]:
    """Time the costs of a device beside training, in a process that has not used it yet.

    They are ``context``, its start; ``first iteration``, preparing the problem and training for an
    iteration, with all loading, compiling and warming up; copies, whose work is bytes; and
    synchronizing an idle device. Raises `Unsupported` if there is no device.
    """
    accelerator = accelerator_of(backend)
    if accelerator is None:
        raise Unsupported("it trains on the host: there is no device to start or to copy to")
    if not is_fresh:
        raise Unsupported(
            "the device of this process was started before: measure it in a fresh process"
        )
    begin = time.perf_counter()
    accelerator.touch()
    yield once("context", time.perf_counter() - begin)
    begin = time.perf_counter()
    trainer = backend.prepare(problem, dtype)
    trainer.train(1)
    yield once("first iteration", time.perf_counter() - begin)
    del trainer
    device = device_of(accelerator)
    for name, loop in accelerator.transfers(_TRANSFERRED_BYTES).items():
        timed_loop = TimedLoop(loop)
        device.warm_up(timed_loop)
        yield part(name, float(_TRANSFERRED_BYTES), time_training(timed_loop, effort))
        device.note_work()
    waiting = TimedLoop(loop_of(accelerator.synchronize))
    yield part("synchronize", 1.0, time_training(waiting, effort))


def energy(backend: Backend, problem: Problem, dtype: DType) -> Iterator[Part]:
    """Train for two seconds or more, and yield the energy of an iteration by the GPU's counter.

    It is the total of the GPU while it trains, idle power included. Raises `Unsupported` if there
    is no counter.
    """
    if processes_of(backend) > 1:
        raise Unsupported("it trains on several GPUs, and the counter is that of one")
    accelerator = accelerator_of(backend)
    if accelerator is None:
        raise Unsupported("it trains on the host, whose energy is not measured")
    device = device_of(accelerator)
    try:
        read_joules = counter(device.nvml_device())
    except NoDevice as reason:
        raise Unsupported(str(reason)) from None
    trainer = backend.prepare(problem, dtype)
    device.warm_up(trainer)
    counted = train_by_counter(trainer, read_joules)
    device.note_work()
    yield counted


def counter(device: NvmlDevice) -> ReadJoules:
    """Return a function that reads a GPU's energy in joules since its driver was loaded.

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
    trainer: Repeatable, read_joules: ReadJoules, clock: Clock = time.perf_counter
) -> Part:
    """Train for two seconds, and return the seconds and joules of an iteration.

    Raises `Unsupported` for a counter that does not advance.
    """
    joules = read_joules()
    elapsed, trained = train_for(trainer, _WINDOW_SECONDS, _CALL_SECONDS, clock)
    counted, seconds = read_joules() - joules, elapsed / trained
    if not counted:
        raise Unsupported("the GPU's energy counter does not advance")
    return Part(
        name="energy",
        work=1.0,
        seconds=seconds,
        samples=[seconds],
        iterations=trained,
        energy_joules=counted / trained,
    )
