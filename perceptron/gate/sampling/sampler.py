"""What benchmarks give in fresh processes of an arm, whatever becomes of these."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from perceptron.gate.sampling.arms import Arms
from perceptron.gate.sampling.processes import Answer
from perceptron.records.block import Arm, Benchmark, Reading

# The peak of a process is one number, and shared by all that ran in it.
ALONE = frozenset({"peakmemory"})
Limit = Callable[[Benchmark], float]


@dataclass(frozen=True)
class SamplingEffort:
    """How each time is taken: calls in a batch and batches, for each benchmark, equal in all arms.

    What is not in there is calibrated.
    """

    calls: dict[str, int]
    batches: dict[str, int]


CALIBRATING = SamplingEffort({}, {})


class Sampler:
    """Asks the arms. A setup_cache runs once for each arm, until ``forget_caches``."""

    def __init__(self, arms: Arms, clock: Callable[[], float] = time.monotonic) -> None:
        self._arms = arms
        self._clock = clock
        self._cached: set[tuple[Arm, str]] = set()
        self._cache_numbers: dict[str, int] = {}
        self.start_seconds = 0.0
        """What a process took beside its benchmarks, at most: to start, and to import."""

    def take(
        self,
        arm: Arm,
        benchmarks: Sequence[Benchmark],
        effort: SamplingEffort,
        hash_seed: int,
        limit: Limit,
    ) -> Iterator[tuple[str, Reading]]:
        """What each benchmark gives, by its key, in a fresh process.

        ``limit`` gives the seconds that it may take. One that ends the process or hangs costs its
        own answer; another process goes on.
        """
        left = {each.key: each for each in benchmarks}
        failed: dict[str, Reading] = {}  # now; the next time may be better
        for each in benchmarks:
            broken = self._cache(arm, each, hash_seed, failed)
            if broken is not None:
                del left[each.key]
                yield each.key, broken
        while left:
            for key, taken in self._process(arm, list(left.values()), effort, hash_seed, limit):
                del left[key]
                yield key, taken

    def _process(
        self,
        arm: Arm,
        benchmarks: Sequence[Benchmark],
        effort: SamplingEffort,
        hash_seed: int,
        limit: Limit,
    ) -> Iterator[tuple[str, Reading]]:
        """Answers of one process, at least one."""
        by_key = {each.key: each for each in benchmarks}
        tasks = [self._task(arm, each, effort) for each in benchmarks]
        thin = benchmarks[0].type in ALONE
        current, answered = benchmarks[0].key, False  # blamed if the process ends early
        begin, spent = self._clock(), 0.0
        for answer in self._arms.ask(
            arm, "measure", hash_seed, tasks, lambda key: limit(by_key[key]), thin
        ):
            if answer.kind == "start":
                current = answer.key
            elif answer.kind == "taken":
                taken = msgspec.convert(answer.content, type=Reading)
                spent += taken.wall_seconds
                current, answered = "", True
                yield answer.key, taken
            elif answer.kind == "end":
                self.start_seconds = max(self.start_seconds, self._clock() - begin - spent)
            elif answer.kind in _ENDED_EARLY and (current or not answered):
                yield current, _ended_early(answer)

    def forget_caches(self) -> None:
        """Let every setup_cache run again: what it draws at random is drawn anew for all arms."""
        self._cached.clear()

    def _cache(
        self, arm: Arm, benchmark: Benchmark, hash_seed: int, failed: dict[str, Reading]
    ) -> Reading | None:
        """Run a setup_cache if that was not done; what went wrong, None if nothing did."""
        cache = benchmark.cache
        if cache is None or (arm, cache) in self._cached:
            return None
        if cache in failed:
            return failed[cache]
        self._cache_file(arm, cache).parent.mkdir(parents=True, exist_ok=True)
        seconds = benchmark.cache_timeout or benchmark.timeout
        task = self._task(arm, benchmark, CALIBRATING)
        found: Reading | None = None
        for answer in self._arms.ask(arm, "cache", hash_seed, [task], lambda _: seconds):
            if answer.kind == "taken":
                found = msgspec.convert(answer.content, type=Reading)
            elif answer.kind in _ENDED_EARLY:
                found = found or _ended_early(answer, "setup_cache: ")
        if found is not None and found.status == "ok":
            self._cached.add((arm, cache))
            return None
        return failed.setdefault(
            cache, found or Reading(status="failed", reason="setup_cache: silent")
        )

    def _cache_file(self, arm: Arm, cache: str) -> Path:
        """In a folder whose path is as long for every arm."""
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
        }


_ENDED_EARLY = frozenset({"silent", "died", "failed"})


def _ended_early(answer: Answer, where: str = "") -> Reading:
    return Reading(
        status="slow" if answer.kind == "silent" else "failed",
        reason=f"{where}{answer.reason}",
        wall_seconds=answer.seconds,
    )
