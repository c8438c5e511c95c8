"""Anchors: the same small work in every worker, timed before its jobs, about 20 ms in all.

Equal work takes equal time while the machine is in one state: if the anchors of some repeats are
slower, their measurements may be too, and not equally for all backends.

Anchors run in one thread: threads that were just woken share a core for 0.1 s, which would slow the
first samples. They are not measured while several workers start at once, nor in a race, whose start
is timed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import cache
from mmap import mmap
from types import MappingProxyType

from perceptron.measure.fixed_loop import draw

Clock = Callable[[], float]
Work = Callable[[], object]

# Each try ends within the scheduler's time slice of about 3 ms: the fastest met no other process.
_TRIES = 3
# About a millisecond.
_STEPS = 10_000
# 48 KiB in all, in a core's own cache. OpenBLAS takes one thread up to this many products.
_WIDTH, _PRODUCTS = 64, 50
# Beyond the caches of a core. More takes too long: a first touch took 1 to 5 ms for each MiB, and a
# pass over memory beyond the last cache 20 ms. On a server this shows the cache that cores share.
_BYTES, _PASSES = 3 * 2**20, 10
_LINE = 64
_DIGITS = 4


def anchors(clock: Clock = time.perf_counter) -> dict[str, float]:
    """Return the seconds of each anchor by name: the smallest of a few tries."""
    return {name: _smallest(make(), clock) for name, make in _ANCHORS.items()}


@cache
def of_this_process() -> dict[str, float]:
    """Return the anchors, measured at the first call in this process."""
    return anchors()


def _smallest(work: Work, clock: Clock) -> float:
    work()  # pages and caches are filled
    seconds = []
    for _ in range(_TRIES):
        begin = clock()
        work()
        seconds.append(clock() - begin)
    return float(f"{min(seconds):.{_DIGITS}g}")


def _product() -> Work:
    import numpy as np  # as every backend's worker does; a race's has no anchors

    left, right = np.full((2, _WIDTH, _WIDTH), 0.5, np.float32)
    out = np.empty_like(left)

    def work() -> None:
        for _ in range(_PRODUCTS):
            np.matmul(left, right, out)

    return work


def _memory() -> Work:
    # Not through malloc: memory that it retains would hide as much of a backend's peak.
    buffer = memoryview(mmap(-1, _BYTES))
    source, target = buffer[:-_LINE], buffer[_LINE:]

    def work() -> None:
        for _ in range(_PASSES):
            target[:] = source

    return work


def _loop() -> Work:
    return lambda: draw(_STEPS)


_ANCHORS: Mapping[str, Callable[[], Work]] = MappingProxyType(
    {"product": _product, "memory": _memory, "loop": _loop}
)
