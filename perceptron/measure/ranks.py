"""What a worker does in the ranks of a `Distributed` backend, and in itself for all others."""

from __future__ import annotations

from threadpoolctl import threadpool_info

from perceptron.backends.protocol import Backend, ranks_of
from perceptron.measure import memory
from perceptron.problems import datasets
from perceptron.problems.problem import Problem


def make_ready(backend: Backend, problem: Problem) -> None:
    """Load the problem's data where it is trained: generating them is nobody's training time.

    Ranks are started if they are not there, and keep the memory that they free from then on.
    """
    problem.dataset.load()
    if ranks := ranks_of(backend):
        ranks.call(_make_ready, problem)


def forget_data(backend: Backend) -> None:
    """Release data that are kept: the next job may be long in coming."""
    datasets.forget()
    if ranks := ranks_of(backend):
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
    if ranks := ranks_of(backend):
        ranks.call(assert_threads, threads)


def sharing_memory(backend: Backend) -> int:
    """Return how many processes that train share the memory of this machine."""
    ranks = ranks_of(backend)
    return 1 if ranks is None else ranks.on_each_node()


def _make_ready(problem: Problem) -> None:
    memory.keep_freed_memory()
    problem.dataset.load()
