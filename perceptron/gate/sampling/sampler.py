"""Readings: what benchmarks give in fresh processes of an arm, whatever becomes of these."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from perceptron.gate.runner.timing import spare_for
from perceptron.gate.sampling.arms import Arms
from perceptron.gate.sampling.processes import PLAIN, Answer, Instrument, Seeds
from perceptron.records.block import Arm, Benchmark, Reading

# The peak of a process is one number, and shared by all that ran in it.
ALONE = frozenset({"peakmemory"})
Limit = Callable[[Benchmark], float]


@dataclass(frozen=True)
class SamplingEffort:
    """How a time is sampled: calls in a batch and batches, for each benchmark, equal in all arms.

    What is not in it is calibrated.
    """

    calls: dict[str, int]
    batches: dict[str, int]


CALIBRATING = SamplingEffort({}, {})


class Sampler:
    """Samples benchmarks on the arms. A setup_cache runs once an arm, until ``forget_caches``.

    With an ``instrument`` for each arm its programs count instead of timing.
    """

    def __init__(
        self,
        arms: Arms,
        clock: Callable[[], float] = time.monotonic,
        instrument: Callable[[Arm], Instrument] | None = None,
    ) -> None:
        self._arms = arms
        self._clock = clock
        self._instrument = instrument
        self._cached: set[tuple[Arm, str]] = set()
        self._cache_numbers: dict[str, int] = {}
        self.start_seconds = 0.0
        """What a process took beside its benchmarks, at most: to start, and to import."""

    def sample(
        self,
        arm: Arm,
        benchmarks: Sequence[Benchmark],
        effort: SamplingEffort,
        seeds: Seeds,
        limit: Limit,
    ) -> Iterator[tuple[str, Reading]]:
        """Yield the key and the reading of each benchmark, from a fresh process.

        ``limit`` gives the seconds that it may take. One that ends the process or hangs costs its
        own reading; another process does the rest.
        """
        left = {benchmark.key: benchmark for benchmark in benchmarks}
        failed: dict[str, Reading] = {}  # this time; the next may be better
        for benchmark in benchmarks:
            broken = self._cache(arm, benchmark, seeds, failed)
            if broken is not None:
                del left[benchmark.key]
                yield benchmark.key, broken
        while left:
            for key, reading in self._process(arm, list(left.values()), effort, seeds, limit):
                del left[key]
                yield key, reading

    def _process(
        self,
        arm: Arm,
        benchmarks: Sequence[Benchmark],
        effort: SamplingEffort,
        seeds: Seeds,
        limit: Limit,
    ) -> Iterator[tuple[str, Reading]]:
        """Yield the readings of one process, at least one."""
        by_key = {benchmark.key: benchmark for benchmark in benchmarks}
        tasks = [self._task(arm, benchmark, effort) for benchmark in benchmarks]
        own_peak = benchmarks[0].type in ALONE
        current, answered = benchmarks[0].key, False  # blamed if the process ends early
        begin, spent = self._clock(), 0.0
        kind, instrument = (
            ("measure", PLAIN) if self._instrument is None else ("count", self._instrument(arm))
        )
        for answer in self._arms.run(
            arm, kind, seeds, tasks, lambda key: limit(by_key[key]), own_peak, instrument
        ):
            if answer.kind == "start":
                current = answer.key
            elif answer.kind == "reading":
                reading = msgspec.convert(answer.content, type=Reading)
                spent += reading.wall_seconds
                current, answered = "", True
                yield answer.key, reading
            elif answer.kind == "end":
                self.start_seconds = max(self.start_seconds, self._clock() - begin - spent)
            elif answer.kind in _ENDED_EARLY and (current or not answered):
                yield current, _ended_early(answer)

    def forget_caches(self) -> None:
        """Let every setup_cache run again: what it draws at random is drawn again for all arms."""
        self._cached.clear()

    def _cache(
        self, arm: Arm, benchmark: Benchmark, seeds: Seeds, failed: dict[str, Reading]
    ) -> Reading | None:
        """Run a setup_cache unless that was done; return what went wrong, None if nothing did."""
        cache = benchmark.cache
        if cache is None or (arm, cache) in self._cached:
            return None
        if cache in failed:
            return failed[cache]
        self._cache_file(arm, cache).parent.mkdir(parents=True, exist_ok=True)
        seconds = benchmark.cache_timeout or benchmark.timeout
        task = self._task(arm, benchmark, CALIBRATING)
        reading: Reading | None = None
        for answer in self._arms.run(arm, "cache", seeds, [task], lambda _: seconds):
            if answer.kind == "reading":
                reading = msgspec.convert(answer.content, type=Reading)
            elif answer.kind in _ENDED_EARLY:
                reading = reading or _ended_early(answer, "setup_cache: ")
        if reading is not None and reading.status == "ok":
            self._cached.add((arm, cache))
            return None
        return failed.setdefault(
            cache, reading or Reading(status="failed", reason="setup_cache: silent")
        )

    def _cache_file(self, arm: Arm, cache: str) -> Path:
        """Return a file in a folder whose path is equally long for every arm."""
        number = self._cache_numbers.setdefault(cache, len(self._cache_numbers))
        return self._arms.trees.home / "caches" / arm[0] / f"{number:03}" / "cache.pickle"

    def _task(self, arm: Arm, benchmark: Benchmark, effort: SamplingEffort) -> dict[str, Any]:
        index = "" if benchmark.index is None else f"-{benchmark.index}"
        cache = None if benchmark.cache is None else str(self._cache_file(arm, benchmark.cache))
        return {
            "key": benchmark.key,
            "id": f"{benchmark.name}{index}",
            "type": benchmark.type,
            "cache": cache,
            "calls": effort.calls.get(benchmark.key),
            "batches": effort.batches.get(benchmark.key),
            "spare": spare_for(effort.batches.get(benchmark.key, 0)),
        }


_ENDED_EARLY = frozenset({"silent", "died", "failed"})


def _ended_early(answer: Answer, prefix: str = "") -> Reading:
    return Reading(
        status="slow" if answer.kind == "silent" else "failed",
        reason=f"{prefix}{answer.reason}",
        wall_seconds=answer.seconds,
    )
