"""One robust number per benchmark and process.

A *batch* is a number of calls whose times are added. Where asv runs a setup before each sample, the
benchmark may change what was set up, so the setup runs again before every call, or before every
``number`` calls where the benchmark's author fixed that number; only the calls are timed.

A sample is *contended* where threads of the process were ready and had no core for more than a
share of it. Such a sample is taken again, within a bound. The rule looks at the waiting alone and
never at the time, so nothing is chosen for being fast.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from itertools import repeat
from math import ceil
from typing import Any, NamedTuple

from .session import Job

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
# To read the meter takes some microseconds: around more setups than this in a batch, it would
# cost more than what is timed.
_MOST_METERED_STEPS = 100
# One thread runs or waits for a core for no more than all of a time, but for what clocks miss.
_ONE_THREAD = 1.05

Clock = Callable[[], float]
Meter = Callable[[], "float | None"]
"""Seconds that the threads of this process have waited so far; None where that is unknown."""
Metering = AbstractContextManager[Meter]


def _unknown() -> None:
    """Be a meter that cannot tell."""


class Batch(NamedTuple):
    """Seconds of a batch by the benchmark's timer and on the wall, without setups, and the share of
    these that threads waited for a core, added up over threads; None where it is unknown."""

    seconds: float
    wall: float
    waited: float | None = None


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
        self.call = call
        self._timer = timer
        self._reset = reset
        self._number = number
        self._clock = clock
        self._fresh = True

    def refresh(self) -> None:
        """Set up again what calls may have changed."""
        if self._reset is not None and not self._fresh:
            self._reset()
        self._fresh = False

    @property
    def step(self) -> int | None:
        """How many calls follow each other without a setup between; None if all of a batch do."""
        if self._number:
            return self._number
        return None if self._reset is None else 1

    def run(self, calls: int, meter: Meter = _unknown) -> Batch:
        """Run a batch. Setups count for the waiting only where there are very many."""
        step = self.step or calls
        steps = ceil(calls / step)
        by_step = steps <= _MOST_METERED_STEPS
        reported = wall = 0.0
        waits: list[float | None] = []
        begin, before = self._clock(), meter()
        for _ in range(steps):
            self.refresh()
            if by_step:
                before = meter()
            seconds, passed = self._loop(step)
            if by_step:
                waits.append(_difference(before, meter()))
            reported += seconds
            wall += passed
        if by_step:
            return Batch(reported, wall, _share(waits, wall))
        waited = _difference(before, meter())
        return Batch(reported, wall, _share([waited], self._clock() - begin))

    def repeat(
        self, calls: int, before: Callable[[], Any], after: Callable[[], Any]
    ) -> tuple[Any, Any]:
        """Return what is returned just before and just after so many calls."""
        call, often = self.call, repeat(None, calls)
        begin = before()
        for _ in often:
            call()
        return begin, after()

    def _loop(self, calls: int) -> tuple[float, float]:
        clock, timer = self._clock, self._timer()
        enabled = gc.isenabled()
        gc.disable()
        try:
            wall = clock()
            begin, end = self.repeat(calls, timer, timer)
            passed = clock() - wall
        finally:
            if enabled:
                gc.enable()
        return end - begin, passed


def timed(
    batches: Batches, warm_up: float, task: Job, meter: Callable[[], Metering], limit: float
) -> Job:
    """Return the fields of a measurement: calibrate, or take the samples that the task asks for.

    These come after seconds of ``warm_up``. ``limit`` is the share from which on one is contended.
    While calibrating, ``idle`` is the share of the time in which no thread ran or was ready to;
    None where it is unknown how long threads waited for a core.
    """
    if task.get("calls"):
        measured = measure(
            batches, task["calls"], task["batches"], max(0.0, warm_up), limit=limit, meter=meter
        )
        value = lower_quartile(measured["samples"])
        return {"calls": task["calls"], "value": value, **measured}
    with meter() as waiting:
        begin, ran, before = time.perf_counter(), time.process_time(), waiting()
        calls, seconds, waited = calibrate(batches, meter=waiting)
        passed = max(time.perf_counter() - begin, 1e-9)
        more = _difference(before, waiting())
        ran = time.process_time() - ran
    idle = None if more is None else max(0.0, 1 - (ran + more) / passed)
    return {"calls": calls, "call_seconds": seconds, "idle": idle, "waited": waited}


def calibrate(
    batches: Batches,
    clock: Clock = time.perf_counter,
    meter: Meter = _unknown,
    processor: Clock = time.process_time,
) -> tuple[int, float, float | None]:
    """Return (calls that a batch needs, wall seconds of one of them with its share of setups, the
    share of these seconds in which its one thread waited for a core).

    None where that is unknown, or more threads than one ran. A batch must be long enough twice in a
    row: the first call may import or compile something.
    """
    calls, enough = batches.step or 1, 0
    while True:
        begin, before, ran = clock(), meter(), processor()
        passed = batches.run(calls).wall
        wall = max(clock() - begin, passed, 1e-9)
        ran, waited = processor() - ran, _difference(before, meter())
        enough = enough + 1 if max(passed, wall / 10) >= BATCH_SECONDS else 0
        if enough == 2:
            break
        if enough == 0:
            growth = min(_LARGEST_GROWTH, _HEADROOM * BATCH_SECONDS / max(passed, 1e-9))
            growth = min(growth, max(2.0, _BATCH_WALL_SECONDS / wall))
            calls = _in_whole_steps(ceil(calls * growth), batches.step)
    most = max(1, int(calls * _BATCH_WALL_SECONDS / wall))
    if waited is not None and ran + waited > _ONE_THREAD * wall:
        waited = None
    share = _share([waited], wall)
    return _in_whole_steps(min(calls, most), batches.step), wall / calls, share


def measure(
    batches: Batches,
    calls: int,
    samples: int,
    warm_up: float,
    limit: float = 1.0,
    meter: Callable[[], Metering] = lambda: nullcontext(_unknown),
    clock: Clock = time.perf_counter,
) -> Job:
    """Return ``samples`` by the benchmark's timer, after batches to warm up.

    These last at least ``warm_up`` seconds; there is one in any case. Up to as many samples again
    are taken in the place of those that waited for more than ``limit``, a share of their time. The
    samples that count are the first uncontended ones; where these are too few, those that waited
    least. A process that never had its cores takes none: more would be as contended.
    """
    begin = clock()
    while True:
        batches.run(calls)
        if clock() - begin >= min(warm_up, _LONGEST_WARM_UP_SECONDS):
            break
    made = ceil(calls / (batches.step or calls)) * (batches.step or calls)
    taken: list[Batch] = []
    uncontended = 0
    while len(taken) < samples or (len(taken) < 2 * samples and 0 < uncontended < samples):
        with meter() as waited:  # again each time: a setup may have started threads
            taken.append(batches.run(calls, waited))
        uncontended += (taken[-1].waited or 0.0) <= limit
    return _select(taken, samples, limit, made)


def _select(taken: list[Batch], samples: int, limit: float, made: int) -> Job:
    """Choose by waiting alone; equal ones in the order measured.

    ``samples`` and ``dropped`` are seconds per call, ``waits`` the share that each of both waited,
    none where one is unknown, and ``waited`` that of the time of all samples.
    """
    contention = [batch.waited or 0.0 for batch in taken]
    contention = [waited if waited > limit else 0.0 for waited in contention]
    chosen = sorted(range(len(taken)), key=contention.__getitem__)[:samples]
    kept = [batch for index, batch in enumerate(taken) if index in chosen]
    dropped = [batch for index, batch in enumerate(taken) if index not in chosen]
    waits = [batch.waited for batch in (*kept, *dropped) if batch.waited is not None]
    known = len(waits) == len(taken)
    seconds = sum((batch.waited or 0.0) * batch.wall for batch in kept)
    share = seconds / max(sum(batch.wall for batch in kept), 1e-9)
    return {
        "samples": [batch.seconds / made for batch in kept],
        "dropped": [batch.seconds / made for batch in dropped],
        "waits": waits if known else [],
        "waited": share if known else None,
    }


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


def _difference(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else after - before


def _share(waits: list[float | None], wall: float) -> float | None:
    """Return what was waited as a share of the wall time; None if any of it is unknown."""
    known = [waited for waited in waits if waited is not None]
    return sum(known) / max(wall, 1e-9) if len(known) == len(waits) else None


def _in_whole_steps(calls: int, step: int | None) -> int:
    """Round the calls up to whole steps."""
    return calls if step is None else max(1, ceil(calls / step)) * step
