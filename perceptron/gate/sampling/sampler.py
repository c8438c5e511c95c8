"""Measurements of benchmarks in fresh processes of a side, however these end.

`setup_cache` runs once for each side, and all benchmarks that share it read its result.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from math import inf
from pathlib import Path
from typing import Any

import msgspec

from perceptron.gate.sampling.processes import Answer, Instrument, Seeds
from perceptron.gate.sampling.schedule import CALIBRATING, Calibration
from perceptron.gate.sampling.sides import Sides
from perceptron.records.block import Benchmark, Side, SideMeasurement

Content = Mapping[str, Any]
"""An answer on a benchmark: ``status``, ``reason``, and more by the kind of the program."""

# A process has one peak, shared by all benchmarks that ran in it.
ALONE = frozenset({"peakmemory"})


class Sampler:
    """Asks programs of the sides about benchmarks."""

    def __init__(self, sides: Sides, clock: Callable[[], float] = time.monotonic) -> None:
        self.sides = sides
        self._clock = clock
        self.start_seconds = 0.0
        """Longest time that a process took beside its benchmarks: to start, and to import."""
        self._made: dict[tuple[Side, str], float] = {}
        self._numbers: dict[str, int] = {}
        self._seeds: Seeds | None = None

    def sample(
        self,
        side: Side,
        benchmarks: Sequence[Benchmark],
        effort: Calibration,
        seeds: Seeds,
        limit: Callable[[Benchmark], float],
        seconds_left: Callable[[], float] = lambda: inf,
    ) -> Iterator[tuple[str, SideMeasurement]]:
        """Yield the key and the measurement of each benchmark, from a fresh process.

        ``limit`` gives the seconds that it may take; a `setup_cache` may take half of
        ``seconds_left``.
        """
        unready = self.make_caches(side, benchmarks, seeds, seconds_left)
        yield from unready.items()
        left = {
            benchmark.key: benchmark for benchmark in benchmarks if benchmark.key not in unready
        }
        # A process that measures its peak must not start with the gate's.
        own_peak = any(benchmark.type in ALONE for benchmark in left.values())
        under = Instrument("measure", job={"fork": own_peak})
        for answer in self.ask(
            side, list(left.values()), seeds, lambda: under, lambda key: limit(left[key]), effort
        ):
            if answer is not None:
                key, content = answer
                yield key, msgspec.convert(content, type=SideMeasurement)

    def ask(
        self,
        side: Side,
        benchmarks: Sequence[Benchmark],
        seeds: Seeds,
        under: Callable[[], Instrument | None],
        limit: Callable[[str], float],
        effort: Calibration = CALIBRATING,
    ) -> Generator[tuple[str, Content] | None]:
        """Yield the key and the answer of each benchmark; its cache must be made.

        Yield None when a benchmark begins, so that the caller can ask another side meanwhile. A
        benchmark that ends its program or hangs costs its own answer, and a failing import those of
        its module; another program does the rest. ``under`` returns the next program's instrument,
        or None to stop.
        """
        left = {benchmark.key: benchmark for benchmark in benchmarks}
        while left and (instrument := under()) is not None:
            yield from self._ask_program(side, left, seeds, instrument, limit, effort)

    def _ask_program(
        self,
        side: Side,
        left: dict[str, Benchmark],
        seeds: Seeds,
        instrument: Instrument,
        limit: Callable[[str], float],
        effort: Calibration,
    ) -> Iterator[tuple[str, Content] | None]:
        """Yield a program's answers, for at least one benchmark that is ``left``."""
        tasks = [self._task(side, benchmark, effort) for benchmark in left.values()]
        begun: Benchmark | None = None
        loaded = answered = False
        begin, spent = self._clock(), 0.0
        last = Answer(kind="end")
        for last in self.sides.run(side, instrument, seeds, tasks, limit):
            if last.kind == "start":
                begun, loaded = left.get(last.key), False
                yield None
            elif last.kind == "loaded":
                loaded = True
            elif last.kind == "measurement" and left.pop(last.key, None) is not None:
                begun, answered = None, True
                spent += last.wall_seconds
                yield last.key, last.content
            if last.kind in {"loaded", "end"} and instrument.kind == "measure":
                self.start_seconds = max(self.start_seconds, self._clock() - begin - spent)
        if begun is None and answered:
            return
        reason = last.reason or "it gave no answer"
        if begun is None:  # a program that did not begin will not begin later
            blamed = list(left)
        elif loaded:
            blamed = [begun.key]
        else:
            module = self.sides.module(begun)
            blamed = [
                benchmark.key
                for benchmark in left.values()
                if self.sides.module(benchmark) == module
            ]
            reason = f"importing {module}: {reason}"
        content = {
            "status": "slow" if last.kind == "silent" else "failed",
            "reason": reason,
            "wall_seconds": last.seconds,
            "loaded": loaded,
        }
        for key in blamed:
            del left[key]
            yield key, content

    @property
    def cache_seconds(self) -> float:
        """Seconds of `setup_cache`, of all sides."""
        return sum(self._made.values())

    def make_caches(
        self,
        side: Side,
        benchmarks: Sequence[Benchmark],
        seeds: Seeds,
        seconds_left: Callable[[], float] = lambda: inf,
    ) -> dict[str, SideMeasurement]:
        """Make missing caches of these benchmarks; return failed and missing ones, by key.

        Until `forget_caches`, all caches are drawn with the first seed: sides may need theirs at
        different times.
        """
        self._seeds = self._seeds or seeds
        failed: dict[str, SideMeasurement] = {}  # in this attempt; the next may succeed
        unready: dict[str, SideMeasurement] = {}
        for benchmark in benchmarks:
            cache = benchmark.cache
            if self.sides.identifier(side, benchmark) is None:
                reason = f"{side.upper()} has no such parameters"
                unready[benchmark.key] = SideMeasurement(status="failed", reason=reason)
            elif cache is not None and (side, cache) not in self._made:
                if cache not in failed:
                    began = self._clock()
                    left = max(0.0, seconds_left() / 2)
                    measurement = self._make_cache(side, benchmark, cache, self._seeds, left)
                    if measurement.status == "ok":
                        self._made[side, cache] = self._clock() - began
                        continue
                    failed[cache] = measurement
                unready[benchmark.key] = failed[cache]
        return unready

    def forget_caches(self) -> None:
        """Run every setup_cache again, with new random draws for all sides."""
        self._made.clear()
        self._seeds = None

    def _make_cache(
        self, side: Side, benchmark: Benchmark, cache: str, seeds: Seeds, left: float
    ) -> SideMeasurement:
        self._file(side, cache).parent.mkdir(parents=True, exist_ok=True)
        limit = benchmark.cache_timeout or benchmark.timeout
        seconds = min(limit, left)
        tasks = [self._task(side, benchmark, CALIBRATING)]
        last = Answer(kind="end")
        for last in self.sides.run(side, Instrument("cache"), seeds, tasks, lambda _: seconds):
            if last.kind == "measurement":
                return msgspec.convert(last.content, type=SideMeasurement)
        if last.kind == "silent" and seconds < limit:  # this is no evidence about the revision
            reason = f"setup_cache: no answer within {seconds:.2g} s: raise --budget"
            return SideMeasurement(status="untried", reason=reason)
        return SideMeasurement(
            status="slow" if last.kind == "silent" else "failed",
            reason=f"setup_cache: {last.reason or 'it gave no answer'}",
            wall_seconds=last.seconds,
        )

    def _task(self, side: Side, benchmark: Benchmark, effort: Calibration) -> dict[str, Any]:
        """Return the facts of the benchmark that a program needs."""
        cache = None if benchmark.cache is None else str(self._file(side, benchmark.cache))
        return {
            "key": benchmark.key,
            "id": self.sides.identifier(side, benchmark),
            "type": benchmark.type,
            "cache": cache,
            "calls": effort.calls.get(benchmark.key),
            "batches": effort.batches.get(benchmark.key),
        }

    def _file(self, side: Side, cache: str) -> Path:
        """Return a file in a folder whose path is equally long for every side."""
        number = self._numbers.setdefault(cache, len(self._numbers))
        return self.sides.trees.home / "caches" / side[0] / f"{number:03}" / "cache.pickle"
