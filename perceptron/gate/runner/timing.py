"""One robust number per benchmark and process, by the rules of `timed_loop`.

A *batch* is a number of calls whose times are added. Where asv runs a setup before each sample, the
benchmark may change its state, so the setup runs again before every call, or before every
``number`` calls where the benchmark's author fixed that number; only the calls are timed.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from itertools import repeat
from math import ceil
from typing import Any, NamedTuple

from ...processes import timed_loop
from ...processes.timed_loop import Sample, Taken, lower_quartile, take_samples
from ...processes.waiting import stolen_seconds, waiting_meter
from .session import Job

BATCHES = 5
BATCH_SECONDS = 0.02
# Longer calls are timed this often instead of `BATCHES` times.
_SLOW_CALL_SECONDS = 0.5
_SLOW_BATCHES = 3
# A setup slower than the calls must not make a batch endless: with its setups, a batch ends after
# this time. The benchmark's spread then shows the cost.
_BATCH_WALL_SECONDS = 0.2
_LONGEST_WARM_UP_SECONDS = 1.0
# Reading the meter takes some microseconds: around more setups than this in a batch, it would cost
# more than the calls.
_MOST_METERED_STEPS = 100
# A single thread runs or waits for at most all of the time, except for errors of the clocks.
_ONE_THREAD = 1.05
# Steal time is counted in steps of 10 ms; one that is missing must be less than half of the time.
_SHORTEST_IDLE_SECONDS = 0.03

Clock = Callable[[], float]
Meter = Callable[[], "float | None"]
"""Seconds that the threads of this process have waited so far; None where unknown."""
Metering = AbstractContextManager[Meter]


def _unknown() -> None:
    """Return None: this machine cannot report waiting."""


class Batches:
    """Batches of a benchmark, by asv's rules.

    ``call`` is timed. ``timer`` returns the clock that the author chose; it is called after each
    setup, which may set it. ``reset`` tears down and sets up; None without a setup. ``number`` is
    the author's number of calls per setup, 0 if not fixed.
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
        """Set up again, because calls may have changed the state."""
        if self._reset is not None and not self._fresh:
            self._reset()
        self._fresh = False

    @property
    def step(self) -> int | None:
        """Calls between two setups; None if a batch has no setup inside."""
        if self._number:
            return self._number
        return None if self._reset is None else 1

    def run(self, calls: int, meter: Meter = _unknown) -> Sample:
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
        whole = max(self._clock() - begin, wall, 1e-9)
        if not by_step:
            waits.append(_difference(before, meter()))
        wait_seconds = None if None in waits else sum(filter(None, waits))
        if wait_seconds is not None and not by_step:
            wait_seconds *= wall / whole
        return Sample(steps * step, wall, wait_seconds, reported=reported, setup=whole - wall)

    def repeat(
        self, calls: int, before: Callable[[], Any], after: Callable[[], Any]
    ) -> tuple[Any, Any]:
        """Return the results of ``before`` and ``after``, called just before and after ``calls``
        calls."""
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


def timed(batches: Batches, warm_up: float, task: Job) -> Job:
    """Return the fields of a measurement: calibrate, or take the samples that the task asks for.

    Samples come after ``warm_up`` seconds. ``idle`` is the `idle_share` while calibrating.
    """
    if task.get("calls"):
        measured = measure(batches, task["calls"], task["batches"], warm_up, waiting_meter)
        value = lower_quartile(measured["samples"])
        return {"calls": task["calls"], "value": value, **measured}
    with waiting_meter() as waiting:
        before = _spent(waiting)
        calls, seconds, wait_share = calibrate(batches, waiting)
        idle = idle_share(before, _spent(waiting))
    return {"calls": calls, "call_seconds": seconds, "idle": idle, "waited": wait_share}


class Spent(NamedTuple):
    """Seconds so far: by the clock, run and waited by threads, and stolen from all CPUs."""

    passed: float
    ran: float
    waited: float | None
    stolen: float | None


def _spent(meter: Meter) -> Spent:
    return Spent(time.perf_counter(), time.process_time(), meter(), stolen_seconds())


def idle_share(before: Spent, after: Spent) -> float | None:
    """Return the share of the time between in which no thread ran or was ready to.

    A host that takes the CPU away makes no benchmark idle: steal time does not count. None where
    waiting is unknown, or where the time is too short to tell one from the other.
    """
    passed, waited = after.passed - before.passed, _difference(before.waited, after.waited)
    if waited is None or passed < _SHORTEST_IDLE_SECONDS:
        return None
    stolen = _difference(before.stolen, after.stolen) or 0.0
    return max(0.0, 1 - (after.ran - before.ran + waited + stolen) / passed)


def calibrate(
    batches: Batches, meter: Meter = _unknown, processor: Clock = time.process_time
) -> tuple[int, float, float | None]:
    """Return (calls that a batch needs, wall seconds of a call with its share of setups, the share
    of these seconds in which its only thread waited for a core).

    The last is None where unknown, or where more than one thread ran.
    """
    waits: list[float | None] = []

    def take(calls: int) -> Sample:
        before, begin = meter(), processor()
        sample = batches.run(calls)
        ran, wait_seconds = processor() - begin, _difference(before, meter())
        one_thread = (
            wait_seconds is not None and ran + wait_seconds <= _ONE_THREAD * sample.whole_seconds
        )
        waits.append(wait_seconds if one_thread else None)
        return sample

    step = batches.step or 1
    if batches.step:
        batches.run(step)  # with the existing setup: only later calls include the cost of setups
    last = timed_loop.calibrate(take, BATCH_SECONDS, longest=_BATCH_WALL_SECONDS)
    calls, wall, wait_seconds = last.iterations, last.whole_seconds, waits[-1]
    calls_that_fit = max(1, int(calls * _BATCH_WALL_SECONDS / wall))
    steps = ceil(min(calls, calls_that_fit) / step)
    share = None if wait_seconds is None else wait_seconds / wall
    return steps * step, wall / calls, share


def measure(
    batches: Batches, calls: int, samples: int, warm_up: float, meter: Callable[[], Metering]
) -> Job:
    """Return ``samples`` by the benchmark's timer, after batches to warm up.

    ``samples`` and ``dropped`` are seconds per call, ``waits`` the wait shares of both, absent
    where one is unknown, and ``waited`` that of the time of all samples.
    """

    def take(calls: int) -> Sample:
        with meter() as waited:  # again each time: a setup may have started threads
            return batches.run(calls, waited)

    timed_loop.warm_up(batches.run, calls, min(warm_up, _LONGEST_WARM_UP_SECONDS))
    taken = take_samples(take, calls, samples, enough=samples, shorten=False, is_over=_is_over)
    both = (*taken.retained, *taken.dropped)
    has_waits = all(sample.wait_seconds is not None for sample in both)
    return {
        "samples": [sample.seconds_each for sample in taken.retained],
        "dropped": [sample.seconds_each for sample in taken.dropped],
        "waits": [sample.share for sample in both] if has_waits else [],
        "waited": taken.wait_share if has_waits else None,
    }


def _is_over(taken: Taken) -> bool:
    """Return whether there are enough samples, or twice as many as that.

    A process that never had its cores takes none again: more would be as contended.
    """
    if taken.uncontended in (0, taken.wanted):
        return len(taken.samples) >= taken.wanted
    return len(taken.samples) >= 2 * taken.wanted


def samples_for(call_seconds: float) -> int:
    """Return how many samples of calls of this length a process takes."""
    return _SLOW_BATCHES if call_seconds > _SLOW_CALL_SECONDS else BATCHES


def _difference(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else after - before
