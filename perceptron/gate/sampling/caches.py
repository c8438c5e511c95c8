"""What `setup_cache` returned, for every arm: made once, read by all benchmarks that share it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from perceptron.gate.sampling.arms import Arms
from perceptron.gate.sampling.processes import Answer, Seeds
from perceptron.records.block import Arm, Benchmark, Reading

_ENDED_EARLY = frozenset({"silent", "died", "failed"})


class Caches:
    """Makes them, each arm's in a process of its own, with the same draws in all arms."""

    def __init__(self, arms: Arms) -> None:
        self._arms = arms
        self._made: set[tuple[Arm, str]] = set()
        self._numbers: dict[str, int] = {}
        self._seeds: Seeds | None = None

    def make(self, arm: Arm, benchmarks: Sequence[Benchmark], seeds: Seeds) -> dict[str, Reading]:
        """Make what these benchmarks lack; return those whose cache failed, by their key.

        Until `forget`, all are drawn as the first one was: arms may need theirs at different times.
        """
        self._seeds = self._seeds or seeds
        failed: dict[str, Reading] = {}  # this time; the next may be better
        broken: dict[str, Reading] = {}
        for benchmark in benchmarks:
            cache = benchmark.cache
            if cache is None or (arm, cache) in self._made:
                continue
            if cache not in failed:
                reading = self._make_one(arm, benchmark, cache, self._seeds)
                if reading.status == "ok":
                    self._made.add((arm, cache))
                    continue
                failed[cache] = reading
            broken[benchmark.key] = failed[cache]
        return broken

    def forget(self) -> None:
        """Let every setup_cache run again: what it draws at random is drawn again for all arms."""
        self._made.clear()
        self._seeds = None

    def file(self, arm: Arm, cache: str) -> Path:
        """Return a file in a folder whose path is equally long for every arm."""
        number = self._numbers.setdefault(cache, len(self._numbers))
        return self._arms.trees.home / "caches" / arm[0] / f"{number:03}" / "cache.pickle"

    def _make_one(self, arm: Arm, benchmark: Benchmark, cache: str, seeds: Seeds) -> Reading:
        file = self.file(arm, cache)
        file.parent.mkdir(parents=True, exist_ok=True)
        seconds = benchmark.cache_timeout or benchmark.timeout
        task: dict[str, Any] = {
            "key": benchmark.key,
            "id": self._arms.identifier(arm, benchmark) or benchmark.asv_id,
            "type": benchmark.type,
            "cache": str(file),
        }
        reading: Reading | None = None
        for answer in self._arms.run(arm, "cache", seeds, [task], lambda _: seconds):
            if answer.kind == "reading":
                reading = msgspec.convert(answer.content, type=Reading)
            elif answer.kind in _ENDED_EARLY:
                reading = reading or ended_early(answer, "setup_cache: ")
        return reading or Reading(status="failed", reason="setup_cache: silent")


def ended_early(answer: Answer, prefix: str = "", loaded: bool = True) -> Reading:
    """Return the reading of a benchmark whose process ended before it answered."""
    doing = "" if loaded else "importing it: "
    return Reading(
        status="slow" if answer.kind == "silent" else "failed",
        reason=f"{prefix}{doing}{answer.reason}",
        wall_seconds=answer.seconds,
        loaded=loaded,
    )
