"""What a device really runs in an iteration, kernel by kernel, as PyTorch's profiler sees it.

The profiler listens to the driver, so it sees the kernels of any library in the process, those of
a replayed graph too. It is what the count of `kernels.trace` is compared with.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from perceptron import optional
from perceptron.backends.accelerators.protocol import accelerator_of
from perceptron.backends.protocol import Backend, Unsupported
from perceptron.measure.job import Part
from perceptron.problems.problem import DType, Problem

# A multiple of the steps in a recorded graph.
_ITERATIONS = 20
# What a device does beside kernels: its profilers call that so.
_NO_KERNELS = ("Memcpy", "Memset")


class Seen(NamedTuple):
    """One kernel that ran, once."""

    name: str
    seconds: float


# Runs something and returns what the device ran meanwhile.
Profiler = Callable[[Callable[[], None]], Iterable[Seen]]


def profile(
    backend: Backend, problem: Problem, dtype: DType, profiler: Profiler | None = None
) -> Iterator[Part]:
    """Count the kernels of one iteration: ``work`` is how often each is launched in one.

    Its seconds are the device's own. On the CPU operations of PyTorch stand for kernels. Raises
    `Unsupported` for a backend without a device, and for one that says why it cannot be profiled
    (https://github.com/pytorch/kineto/issues/1062).
    """
    accelerator = accelerator_of(backend)
    if accelerator is None:
        raise Unsupported("it trains on the CPU, which launches no kernels")
    device = accelerator.place
    unprofiled = getattr(backend, "unprofiled", None)
    if unprofiled is not None and (reason := unprofiled()) is not None:
        raise Unsupported(reason)
    if profiler is None:
        if (reason := optional.missing("torch")) is not None:
            raise Unsupported(f"the profiler is PyTorch's: {reason}")
        profiler = torch_profiler(device)
    trainer = backend.prepare(problem, dtype)
    trainer.train(_ITERATIONS)  # what happens once, such as loading a kernel, is over
    times: dict[str, list[float]] = defaultdict(list)
    for kernel in profiler(lambda: trainer.train(_ITERATIONS)):
        times[kernel.name].append(kernel.seconds)
    if not times:
        if device == "cpu":  # a library other than PyTorch is not seen there
            raise Unsupported("on the CPU operations of PyTorch alone are seen")
        raise RuntimeError(
            "the profiler saw no kernel: it may lack the right to read the driver's counters"
        )
    for name, seconds in times.items():
        yield Part(
            name=name,
            work=len(seconds) / _ITERATIONS,
            seconds=sum(seconds) / _ITERATIONS,
            samples=[],
            iterations=_ITERATIONS,
        )


def torch_profiler(device: str) -> Profiler:
    """Return PyTorch's profiler of this device."""

    def run(work: Callable[[], None]) -> list[Seen]:
        from torch.profiler import ProfilerActivity
        from torch.profiler import profile as profiled

        with profiled(activities=[getattr(ProfilerActivity, device.upper())]) as session:
            work()
        return list(kernels_of(session.events() or [], device))

    return run


def kernels_of(events: Iterable[Any], device: str) -> Iterator[Seen]:
    """Yield the kernels among a session's events; of a CPU, operations that call no other."""
    for event in events:
        if event.device_type.name != device.upper() or event.is_user_annotation:
            continue
        if device == "cpu" and (event.cpu_children or not event.name.startswith("aten::")):
            continue
        if not event.name.startswith(_NO_KERNELS):
            yield Seen(event.name, event.time_range.elapsed_us() / 1e6)
