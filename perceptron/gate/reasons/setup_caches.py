"""What `setup_cache` returns, for a second look that has only so much time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from perceptron.gate.sampling.caches import Caches
from perceptron.gate.sampling.processes import Seeds
from perceptron.records.block import Arm, Benchmark, Reading

_LEAST_SECONDS = 1.0
NO_TIME = Reading(status="untried", reason="setup_cache: there was no time for it: raise --budget")


def make(
    caches: Caches,
    arm: Arm,
    benchmarks: Sequence[Benchmark],
    seeds: Seeds,
    left: Callable[[], float],
) -> dict[str, Reading]:
    """Make what these benchmarks lack as long as there are seconds ``left``.

    Return those whose cache failed, by their key; ``untried`` where there was no time for it.
    """
    failed: dict[str, Reading] = {}
    for benchmark in benchmarks:
        cache = benchmark.cache
        if cache is not None and cache not in failed:
            reading = _make_one(caches, arm, benchmark, seeds, left())
            if reading is not None:
                failed[cache] = reading
    return {own.key: failed[own.cache] for own in benchmarks if own.cache in failed}


def _make_one(
    caches: Caches, arm: Arm, benchmark: Benchmark, seeds: Seeds, left: float
) -> Reading | None:
    """Return why there is none; None if there is one."""
    if left <= 0:
        return NO_TIME
    allowed = benchmark.cache_timeout or benchmark.timeout
    seconds = max(_LEAST_SECONDS, min(allowed, left))
    limited = msgspec.structs.replace(benchmark, cache_timeout=seconds)
    reading = caches.make(arm, [limited], seeds).get(benchmark.key)
    if reading is not None and reading.status == "slow" and seconds < allowed:
        return NO_TIME
    return reading
