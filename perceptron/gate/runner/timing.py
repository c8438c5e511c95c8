"""One robust number per benchmark and process. Part of the program: standard library only.

A *batch* is a number of calls whose times are added. Where asv runs a setup before each sample, the
benchmark may change what was set up, so the setup runs again before every call, or before every
``number`` calls where the benchmark's author fixed that number; only the calls are timed.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from itertools import repeat
from math import ceil

BATCHES = 5
BATCH_SECONDS = 0.02
# Longer calls are timed this often instead of `BATCHES` times.
_SLOW_CALL_SECONDS = 0.5
_SLOW_BATCHES = 3
# A setup that takes longer than what it prepares must not make a batch endless: with its setups, a
# batch ends after this time. The benchmark's spread then shows what that costs.
_BATCH_WALL_SECONDS = 0.2
_HEADROOM = 1.2
_LARGEST_GROWTH = 100
_LONGEST_WARM_UP_SECONDS = 1.0

Clock = Callable[[], float]


class Batches:
    """Batches of one benchmark, by asv's rules.

    ``call`` is what is timed and ``timer`` returns the clock that its author chose, called after
    each setup, which may set it. ``reset`` tears down and sets up; None where there is nothing to
    set up. ``number`` is the author's number of calls per setup, 0 if none was fixed.
    """

    def __init__(
        self,
        call: Callable[[], object],
        timer: Callable[[], Clock],
        reset: Callable[[], object] | None,
        number: int = 0,
        clock: Clock = time.perf_counter,
    ) -> None:
        self._call = call
        self._timer = timer
        self._reset = reset
        self._number = number
        self._clock = clock
        self._fresh = True

    @property
    def step(self) -> int | None:
        """How many calls follow each other without a setup between; None if all of a batch do."""
        if self._number:
            return self._number
        return None if self._reset is None else 1

    def run(self, calls: int) -> tuple[float, float]:
        """Run a batch; return its seconds by the benchmark's timer and on the wall, no setups."""
        step = self.step or calls
        reported = wall = 0.0
        for _ in range(ceil(calls / step)):
            if self._reset is not None and not self._fresh:
                self._reset()
            self._fresh = False
            seconds, passed = self._loop(step)
            reported += seconds
            wall += passed
        return reported, wall

    def _loop(self, calls: int) -> tuple[float, float]:
        call, clock, timer = self._call, self._clock, self._timer()
        often = repeat(None, calls)
        enabled = gc.isenabled()
        gc.disable()
        try:
            wall = clock()
            begin = timer()
            for _ in often:
                call()
            reported = timer() - begin
            passed = clock() - wall
        finally:
            if enabled:
                gc.enable()
        return reported, passed


class RawBatches(Batches):
    """Batches whose calls run in a process of their own, which reports their seconds."""

    def __init__(self, timeit: Callable[[int], float], number: int) -> None:
        super().__init__(call=int, timer=lambda: time.perf_counter, reset=None, number=number)
        self._timeit = timeit

    def _loop(self, calls: int) -> tuple[float, float]:
        seconds = self._timeit(calls)
        return seconds, seconds


def calibrate(batches: Batches, clock: Clock = time.perf_counter) -> tuple[int, float]:
    """Return (calls that a batch needs, wall seconds of one of them with its share of setups).

    A batch must be long enough twice in a row: the first call may import or compile something.
    """
    calls, enough = batches.step or 1, 0
    while True:
        begin = clock()
        _, passed = batches.run(calls)
        wall = max(clock() - begin, passed, 1e-9)
        enough = enough + 1 if max(passed, wall / 10) >= BATCH_SECONDS else 0
        if enough == 2:
            break
        if enough == 0:
            growth = min(_LARGEST_GROWTH, _HEADROOM * BATCH_SECONDS / max(passed, 1e-9))
            growth = min(growth, max(2.0, _BATCH_WALL_SECONDS / wall))
            calls = _in_whole_steps(ceil(calls * growth), batches.step)
    most = max(1, int(calls * _BATCH_WALL_SECONDS / wall))
    return _in_whole_steps(min(calls, most), batches.step), wall / calls


def measure(
    batches: Batches, calls: int, samples: int, warm_up: float, clock: Clock = time.perf_counter
) -> list[float]:
    """Return seconds per call by the benchmark's timer, for each sample, after batches to warm up.

    These last at least ``warm_up`` seconds; there is one in any case.
    """
    begin = clock()
    while True:
        batches.run(calls)
        if clock() - begin >= min(warm_up, _LONGEST_WARM_UP_SECONDS):
            break
    made = ceil(calls / (batches.step or calls)) * (batches.step or calls)
    return [batches.run(calls)[0] / made for _ in range(samples)]


def samples_for(call_seconds: float) -> int:
    """Return how many samples of calls of this length one process takes."""
    return _SLOW_BATCHES if call_seconds > _SLOW_CALL_SECONDS else BATCHES


def lower_quartile(values: list[float]) -> float:
    """Return the lower quartile.

    Noise on a shared machine only ever adds time: a low quantile repeats better than the median,
    and does not fall with the number of samples as the minimum does.
    """
    if len(values) == 1:  # statistics wants two
        return values[0]
    return statistics.quantiles(values, n=4, method="inclusive")[0]


def _in_whole_steps(calls: int, step: int | None) -> int:
    """Round the calls up to whole steps."""
    return calls if step is None else max(1, ceil(calls / step)) * step
