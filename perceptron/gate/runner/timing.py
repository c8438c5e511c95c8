"""One robust number per benchmark and process. Runs inside an arm: standard library only.

A *batch* is a number of calls whose times are added. Where asv runs a setup before each sample, the
benchmark may change what was set up, so the setup runs again before every call, or before every
``number`` calls where the benchmark's author fixed that number; only the calls are timed.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from itertools import repeat
from math import ceil

BATCHES = 5
BATCH_SECONDS = 0.02
# Calls this long are timed so often instead of `BATCHES` times.
_SLOW_CALL_SECONDS = 0.5
_SLOW_BATCHES = 3
# A setup that takes longer than what it prepares must not make a batch endless: on the wall, setups
# included, it ends here. The benchmark's spread then says what that costs.
_BATCH_WALL_SECONDS = 0.2
_HEADROOM = 1.2
_LARGEST_GROWTH = 100
_LONGEST_WARM_UP_SECONDS = 1.0

Clock = Callable[[], float]


class Batches:
    """Batches of one benchmark, by asv's rules.

    ``call`` is what is timed and ``timer`` gives the clock that its author chose, asked for after
    each setup, which may set it. ``again`` tears down and sets up; None where there is nothing to
    set up. ``number`` is the author's number of calls a setup, 0 if none was fixed.
    """

    def __init__(
        self,
        call: Callable[[], object],
        timer: Callable[[], Clock],
        again: Callable[[], object] | None,
        number: int = 0,
        clock: Clock = time.perf_counter,
    ) -> None:
        self._call = call
        self._timer = timer
        self._again = again
        self._number = number
        self._clock = clock
        self._fresh = True

    @property
    def step(self) -> int | None:
        """Calls that follow each other without a setup between; None if all of a batch do."""
        if self._number:
            return self._number
        return None if self._again is None else 1

    def take(self, calls: int) -> tuple[float, float]:
        """Run a batch: (what the benchmark's timer says, what passed on the wall while timing)."""
        step = self.step or calls
        told = passed = 0.0
        for _ in range(ceil(calls / step)):
            if self._again is not None and not self._fresh:
                self._again()
            self._fresh = False
            one, two = self._loop(step)
            told += one
            passed += two
        return told, passed

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
            told = timer() - begin
            passed = clock() - wall
        finally:
            if enabled:
                gc.enable()
        return told, passed


class RawBatches(Batches):
    """Batches whose calls run in a process of their own, which tells what they took."""

    def __init__(self, timeit: Callable[[int], float], number: int) -> None:
        super().__init__(call=int, timer=lambda: time.perf_counter, again=None, number=number)
        self._timeit = timeit

    def _loop(self, calls: int) -> tuple[float, float]:
        told = self._timeit(calls)
        return told, told


def calibrate(batches: Batches, clock: Clock = time.perf_counter) -> tuple[int, float]:
    """(calls that a batch needs, seconds on the wall of one of them with its share of setups).

    Twice in a row: the first call of something may import or compile.
    """
    calls, enough = batches.step or 1, 0
    while True:
        begin = clock()
        _, passed = batches.take(calls)
        wall = max(clock() - begin, passed, 1e-9)
        enough = enough + 1 if max(passed, wall / 10) >= BATCH_SECONDS else 0
        if enough == 2:
            break
        if enough == 0:
            growth = min(_LARGEST_GROWTH, _HEADROOM * BATCH_SECONDS / max(passed, 1e-9))
            growth = min(growth, max(2.0, _BATCH_WALL_SECONDS / wall))
            calls = _whole(ceil(calls * growth), batches.step)
    most = max(1, int(calls * _BATCH_WALL_SECONDS / wall))
    return _whole(min(calls, most), batches.step), wall / calls


def measure(
    batches: Batches, calls: int, samples: int, warm_up: float, clock: Clock = time.perf_counter
) -> list[float]:
    """Seconds per call by the benchmark's timer, for each sample, after a batch to warm up.

    ``warm_up`` asks for at least so many seconds of them.
    """
    begin = clock()
    while True:
        batches.take(calls)
        if clock() - begin >= min(warm_up, _LONGEST_WARM_UP_SECONDS):
            break
    made = ceil(calls / (batches.step or calls)) * (batches.step or calls)
    return [batches.take(calls)[0] / made for _ in range(samples)]


def samples_for(call_seconds: float) -> int:
    """How many samples calls of this length are worth in one process."""
    return _SLOW_BATCHES if call_seconds > _SLOW_CALL_SECONDS else BATCHES


def lower_quartile(values: list[float]) -> float:
    """Noise on a shared machine only ever adds time: a low quantile repeats better than the median,
    and does not fall with the number of samples as the minimum does."""
    ordered = sorted(values)
    place = (len(ordered) - 1) / 4
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def _whole(calls: int, step: int | None) -> int:
    """So many calls, in whole steps."""
    return calls if step is None else max(1, ceil(calls / step)) * step
