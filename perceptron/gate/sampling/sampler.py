"""Measurements: what benchmarks give in fresh processes of a side, whatever becomes of these.

What `setup_cache` returned is made once for each side, and read by all benchmarks that share it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from math import ceil, inf
from pathlib import Path
from typing import Any

import msgspec

from perceptron.gate.sampling.processes import START_SECONDS, Answer, Instrument, Seeds
from perceptron.gate.sampling.schedule import CALIBRATING, Calibration
from perceptron.gate.sampling.sides import Sides
from perceptron.records.block import Benchmark, Side, SideMeasurement, Status

# The peak of a process is one number, and shared by all that ran in it.
ALONE = frozenset({"peakmemory"})
_ENDED_EARLY = frozenset({"silent", "died", "failed"})
Limit = Callable[[Benchmark], float]


class Caches:
    """Makes what `setup_cache` returns: each side's in a process of its own, on the same draws."""

    def __init__(self, sides: Sides) -> None:
        self._sides = sides
        self._made: dict[tuple[Side, str], float] = {}
        self._numbers: dict[str, int] = {}
        self._seeds: Seeds | None = None

    @property
    def seconds(self) -> float:
        """What all of them took, of all sides."""
        return sum(self._made.values())

    def make(
        self,
        side: Side,
        benchmarks: Sequence[Benchmark],
        seeds: Seeds,
        seconds_left: Callable[[], float] = lambda: inf,
    ) -> dict[str, SideMeasurement]:
        """Make what these benchmarks lack; return those without it, or such parameters, by key.

        Until `forget`, all are drawn as the first was: sides may need theirs at different times.
        What takes longer than the ``seconds_left`` is slow.
        """
        self._seeds = self._seeds or seeds
        failed: dict[str, SideMeasurement] = {}  # this time; the next may be better
        unready: dict[str, SideMeasurement] = {}
        for benchmark in benchmarks:
            cache = benchmark.cache
            if self._sides.identifier(side, benchmark) is None:
                reason = f"{side.upper()} has no such parameters"
                unready[benchmark.key] = SideMeasurement(status="failed", reason=reason)
            elif cache is not None and (side, cache) not in self._made:
                if cache not in failed:
                    began = time.monotonic()
                    measurement = self._make_one(
                        side, benchmark, cache, self._seeds, seconds_left()
                    )
                    if measurement.status == "ok":
                        self._made[side, cache] = time.monotonic() - began
                        continue
                    failed[cache] = measurement
                unready[benchmark.key] = failed[cache]
        return unready

    def forget(self) -> None:
        """Let every setup_cache run again: what it draws at random is drawn again for all sides."""
        self._made.clear()
        self._seeds = None

    def task(
        self, side: Side, benchmark: Benchmark, effort: Calibration = CALIBRATING
    ) -> dict[str, Any]:
        """Return what a program must know of the benchmark; its cache must have been made."""
        cache = None if benchmark.cache is None else str(self._file(side, benchmark.cache))
        return {
            "key": benchmark.key,
            "id": self._sides.identifier(side, benchmark),
            "type": benchmark.type,
            "cache": cache,
            "calls": effort.calls.get(benchmark.key),
            "batches": effort.batches.get(benchmark.key),
        }

    def _file(self, side: Side, cache: str) -> Path:
        """Return a file in a folder whose path is equally long for every side."""
        number = self._numbers.setdefault(cache, len(self._numbers))
        return self._sides.trees.home / "caches" / side[0] / f"{number:03}" / "cache.pickle"

    def _make_one(
        self, side: Side, benchmark: Benchmark, cache: str, seeds: Seeds, left: float
    ) -> SideMeasurement:
        if left <= 0:
            return SideMeasurement(
                status="untried", reason="setup_cache: there was no time left for it"
            )
        self._file(side, cache).parent.mkdir(parents=True, exist_ok=True)
        seconds = _within(left, benchmark.cache_timeout or benchmark.timeout)
        tasks = [self.task(side, benchmark)]
        measurement: SideMeasurement | None = None
        under = Instrument(start_seconds=_within(left, START_SECONDS))
        for answer in self._sides.run(side, "cache", seeds, tasks, lambda _: seconds, False, under):
            if answer.kind == "measurement":
                measurement = msgspec.convert(answer.content, type=SideMeasurement)
            elif answer.kind in _ENDED_EARLY:
                measurement = measurement or ended_early(answer, "setup_cache: ", left=left)
        return measurement or SideMeasurement(status="failed", reason="setup_cache: silent")


class Sampler:
    """Samples benchmarks on the sides."""

    def __init__(
        self, sides: Sides, caches: Caches, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._sides = sides
        self._caches = caches
        self._clock = clock
        self.start_seconds = 0.0
        """What a process took beside its benchmarks, at most: to start, and to import."""

    def sample(
        self,
        side: Side,
        benchmarks: Sequence[Benchmark],
        effort: Calibration,
        seeds: Seeds,
        limit: Limit,
        seconds_left: Callable[[], float] = lambda: inf,
    ) -> Iterator[tuple[str, SideMeasurement]]:
        """Yield the key and the measurement of each benchmark, from a fresh process.

        ``limit`` gives the seconds that it may take; an import or `setup_cache` may take half of
        the ``seconds_left``. One that ends the process or hangs costs its own measurement; another
        process does the rest.
        """

        def half() -> float:
            return seconds_left() / 2

        unready = self._caches.make(side, benchmarks, seeds, half)
        yield from unready.items()
        left = {own.key: own for own in benchmarks if own.key not in unready}
        while left:
            together = list(left.values())
            for key, measurement in self._process(side, together, effort, seeds, limit, half()):
                if left.pop(key, None) is not None:  # a program may say a thing twice
                    yield key, measurement

    def _process(
        self,
        side: Side,
        benchmarks: Sequence[Benchmark],
        effort: Calibration,
        seeds: Seeds,
        limit: Limit,
        left: float,
    ) -> Iterator[tuple[str, SideMeasurement]]:
        """Yield the measurements of one process, at least one."""
        by_key = {benchmark.key: benchmark for benchmark in benchmarks}
        tasks = [self._caches.task(side, benchmark, effort) for benchmark in benchmarks]
        own_peak = benchmarks[0].type in ALONE
        # Blamed if the process ends early.
        current, answered, loaded = benchmarks[0].key, False, False
        begin, spent = self._clock(), 0.0
        under = Instrument(start_seconds=_within(left, START_SECONDS))
        for answer in self._sides.run(
            side, "measure", seeds, tasks, lambda key: limit(by_key[key]), own_peak, under
        ):
            if answer.kind == "start":
                current, loaded = answer.key, False
            elif answer.kind == "loaded":
                loaded = True
                self.start_seconds = max(self.start_seconds, self._clock() - begin - spent)
            elif answer.kind == "measurement" and answer.key in by_key:
                measurement = msgspec.convert(answer.content, type=SideMeasurement)
                spent += measurement.wall_seconds
                current, answered = "", True
                yield answer.key, measurement
            elif answer.kind == "end":
                self.start_seconds = max(self.start_seconds, self._clock() - begin - spent)
            elif answer.kind in _ENDED_EARLY and (current or not answered):
                loaded = loaded or answer.kind != "silent"
                yield current, ended_early(answer, loaded=loaded, left=inf if loaded else left)


def _within(left: float, seconds: float) -> float:
    """Return a time-out: so many seconds, or whole ones that are ``left``."""
    return seconds if left >= seconds else min(seconds, max(1.0, float(ceil(left))))


def ended_early(
    answer: Answer, prefix: str = "", loaded: bool = True, left: float = inf
) -> SideMeasurement:
    """Return the measurement of a benchmark whose process ended before it answered.

    Where no more was ``left`` than the seconds that it had, it is not known to be slow.
    """
    doing = "" if loaded else "importing it: "
    slow: Status = "untried" if answer.seconds >= left else "slow"
    return SideMeasurement(
        status=slow if answer.kind == "silent" else "failed",
        reason=f"{prefix}{doing}{answer.reason}",
        wall_seconds=answer.seconds,
        loaded=loaded,
    )
