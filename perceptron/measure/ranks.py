"""The work of a worker in the processes that train together, and how long their threads waited.

Threads that gloo exchanges gradients with are not read. Each time they are woken they wait some
microseconds until the thread that computes stops to wait for them: that is part of the exchange and
happens on an idle machine too. A process that takes a core from a rank slows its computing too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

from threadpoolctl import threadpool_info

from perceptron.backends.accelerators.protocol import accelerator_of
from perceptron.backends.protocol import Backend, distributed
from perceptron.measure import memory
from perceptron.problems import datasets
from perceptron.problems.problem import Problem
from perceptron.processes.waiting import WaitingMeter

# The prefixes of the names of PyTorch's and gloo's threads.
_EXCHANGING = ("gloo", "pt_gloo", "pt_nccl")


def make_ready(backend: Backend, problem: Problem) -> None:
    """Load the problem's data in the processes that train: generating them counts for no backend.

    Ranks are started if they do not run; from then on they keep the memory that they free.
    """
    problem.dataset.load()
    if ranks := distributed(backend):
        ranks.call(_make_rank_ready, problem)


def forget_data(backend: Backend) -> None:
    """Release the cached data: the next job may be long in coming."""
    datasets.forget()
    if ranks := distributed(backend):
        ranks.call_running(datasets.forget)


def assert_threads(threads: int) -> None:
    """Raise for a thread pool of another size: backends are compared on equal threads only."""
    for pool in threadpool_info():
        if pool["num_threads"] != threads:
            raise RuntimeError(
                f"{pool['internal_api']} runs {pool['num_threads']} threads instead of {threads}: "
                "environment(threads) must set its variable"
            )


def assert_threads_of_each(backend: Backend, threads: int) -> None:
    """Raise for a thread pool of another size, in any process that trains."""
    assert_threads(threads)
    if ranks := distributed(backend):
        ranks.call(assert_threads, threads)


def _make_rank_ready(problem: Problem) -> None:
    memory.keep_freed_memory()
    problem.dataset.load()


@contextmanager
def meter_of(backend: Backend) -> Iterator[WaitingMeter | None]:
    """Yield the meter for the threads of this process and of the processes of the backend.

    They are a backend's ranks, or its worker processes. None for a backend that trains on the host
    in this process alone, whose meter `time_training` makes itself.
    """
    accelerator = accelerator_of(backend)
    if hasattr(backend, "process_ids"):
        others = [f"/proc/{number}/task" for number in backend.process_ids()]
        meter = WaitingMeter("/proc/self/task", *others, left_out=_EXCHANGING)
        meter.processes = len(others) or 1
    elif accelerator is not None:
        meter = WaitingMeter()
        meter.device = accelerator.kind
    else:
        yield None
        return
    with closing(meter):
        yield meter
