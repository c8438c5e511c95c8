"""What a machine can do, and which of it keeps a backend from being faster."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from perceptron.records.measurement import Measurement

# The family under which a run keeps its ceilings.
CEILING = "ceiling"
_PRODUCT, _COPY = "product", "copy"
# Below this share of both ceilings neither arithmetic nor memory is what takes the time.
_IDLE = 0.1

# What fits into a cache is not read from memory; its few operations wait for each other.
_CACHED_BYTES = 2 * 2**20

Bound = Literal["calls", "latency", "memory", "arithmetic"]


class Ceilings(Struct, frozen=True, kw_only=True):
    """What the machine can do, measured in the same run with as many threads."""

    gflops: float
    gbytes: float


def bound_by(gflops: float, gbytes: float, moved: int, limits: Ceilings | None) -> Bound | None:
    """Return what limits a rate of ``gflops`` and ``gbytes`` a second; ``moved`` in bytes."""
    if limits is None:
        return None
    arithmetic, memory = gflops / limits.gflops, gbytes / limits.gbytes
    if max(arithmetic, memory) < _IDLE:
        return "calls"
    if moved < _CACHED_BYTES:  # as a step on a small batch does: no memory is waited for
        return "latency" if arithmetic < _IDLE else "arithmetic"
    return "arithmetic" if arithmetic > memory else "memory"


def ceilings(rows: Sequence[Measurement]) -> Ceilings | None:
    """Return what the largest product and copy reached in this run; None if not measured."""
    reached = {}
    for name in (_PRODUCT, _COPY):
        rates = [
            row.size / row.seconds / 1e9
            for row in rows
            if row.family == CEILING and row.phase == name and row.seconds
        ]
        if not rates:
            return None
        # The best of the processes: a ceiling is what can be done, not what usually is.
        reached[name] = max(rates)
    return Ceilings(gflops=reached[_PRODUCT], gbytes=reached[_COPY])
