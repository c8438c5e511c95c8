"""Readings: what benchmarks give in fresh processes of an arm, whatever becomes of these."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from perceptron.gate.runner.timing import spare_for
from perceptron.gate.sampling.arms import Arms
from perceptron.gate.sampling.caches import Caches, ended_early
from perceptron.gate.sampling.processes import PLAIN, Instrument, Seeds
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
    """Samples benchmarks on the arms.

    With an ``instrument`` for each arm its programs count, say, instead of timing.
    """

    def __init__(
        self,
        arms: Arms,
        caches: Caches,
        clock: Callable[[], float] = time.monotonic,
        instrument: Callable[[Arm], Instrument] | None = None,
    ) -> None:
        self._arms = arms
        self._caches = caches
        self._clock = clock
        self._instrument = instrument
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
        absent = Reading(status="failed", reason=f"{arm.upper()} has no such parameters")
        broken = {own.key: absent for own in benchmarks if self._arms.identifier(arm, own) is None}
        there = [own for own in benchmarks if own.key not in broken]
        broken |= self._caches.make(arm, there, seeds)
        yield from broken.items()
        left = {own.key: own for own in benchmarks if own.key not in broken}
        while left:
            for key, reading in self._process(arm, list(left.values()), effort, seeds, limit):
                if left.pop(key, None) is not None:  # a program may say a thing twice
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
        tasks = [self.task(arm, benchmark, effort) for benchmark in benchmarks]
        own_peak = benchmarks[0].type in ALONE
        # Blamed if the process ends early.
        current, answered, loaded = benchmarks[0].key, False, True
        begin, spent = self._clock(), 0.0
        instrument = PLAIN if self._instrument is None else self._instrument(arm)
        for answer in self._arms.run(
            arm, instrument.kind, seeds, tasks, lambda key: limit(by_key[key]), own_peak, instrument
        ):
            if answer.kind == "start":
                current, loaded = answer.key, False
            elif answer.kind == "loaded":
                loaded = True
            elif answer.kind == "reading" and answer.key in by_key:
                reading = msgspec.convert(answer.content, type=Reading)
                spent += reading.wall_seconds
                current, answered = "", True
                yield answer.key, reading
            elif answer.kind == "end":
                self.start_seconds = max(self.start_seconds, self._clock() - begin - spent)
            elif answer.kind in {"silent", "died", "failed"} and (current or not answered):
                yield current, ended_early(answer, loaded=loaded or answer.kind != "silent")

    def task(self, arm: Arm, benchmark: Benchmark, effort: SamplingEffort) -> dict[str, Any]:
        """Return what a program must know of the benchmark; its cache must have been made."""
        cache = None if benchmark.cache is None else str(self._caches.file(arm, benchmark.cache))
        return {
            "key": benchmark.key,
            "id": self._arms.identifier(arm, benchmark),
            "type": benchmark.type,
            "cache": cache,
            "calls": effort.calls.get(benchmark.key),
            "batches": effort.batches.get(benchmark.key),
            "spare": spare_for(effort.batches.get(benchmark.key, 0)),
        }
