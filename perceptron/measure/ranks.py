"""A worker's tasks in the processes that train together, and how long their threads waited.

gloo's threads, which exchange gradients, are not read. When woken they wait some microseconds until
the computing thread stops to wait for them: that is part of the exchange and happens on an idle
machine too. A process that takes a core from a rank slows the computing thread as well.
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
    """Load the problem's data in the processes that train, so that no backend is timed with it.

    Ranks are started if they do not run; from then on they keep the memory that they free.
    """
    problem.dataset.load()
    if ranks := distributed(backend):
        ranks.call(_make_rank_ready, problem)


def forget_data(backend: Backend) -> None:
    """Release the cached data, because the next job may come late."""
    datasets.forget()
    if ranks := distributed(backend):
        ranks.call_running(datasets.forget)


def assert_threads(threads: int) -> None:
    """Raise RuntimeError if a thread pool has another size than ``threads``."""
    for pool in threadpool_info():
        if pool["num_threads"] != threads:
            raise RuntimeError(
                f"{pool['internal_api']} runs {pool['num_threads']} threads instead of {threads}: "
                "environment(threads) must set its variable"
            )


def assert_threads_of_each(backend: Backend, threads: int) -> None:
    """Raise RuntimeError if a thread pool has another size, in any process that trains."""
    assert_threads(threads)
    if ranks := distributed(backend):
        ranks.call(assert_threads, threads)


def _make_rank_ready(problem: Problem) -> None:
    memory.keep_freed_memory()
    problem.dataset.load()


@contextmanager
def meter_of(backend: Backend) -> Iterator[WaitingMeter | None]:
    """Yield a meter for the threads of this process and of the backend's ranks or workers.

    Yield None for a backend that trains on the host in this process only: `time_training` makes
    that meter.
    """
    accelerator = accelerator_of(backend)
    if hasattr(backend, "process_ids"):
        folders = [f"/proc/{number}/task" for number in backend.process_ids()]
        meter = WaitingMeter("/proc/self/task", *folders, excluded=_EXCHANGING)
        meter.processes = len(folders) or 1
    elif accelerator is not None:
        meter = WaitingMeter()
        meter.device = accelerator.kind
    else:
        yield None
        return
    with closing(meter):
        yield meter
