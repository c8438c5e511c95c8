"""Waiting of a benchmark's processes, for a core or for something else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import mean

from perceptron.records.block import (
    Block,
    Side,
    Stage,
    by_benchmark,
    counted,
    waiting_sides,
)

# By chance, a neighbour that hits one process in four keeps to one side in all three takes of this
# many blocks once in two million cases.
_IN_A_ROW = 3
TIMED: frozenset[Stage] = frozenset({"screen", "confirmation"})
"""The stages whose blocks are evidence of time."""
_PAIRS: tuple[tuple[Side, Side], ...] = (("base", "head"), ("head", "base"))


@dataclass(frozen=True)
class Waits:
    """The waiting of one timed benchmark; None where it is unknown."""

    wait_share: float | None = None
    """Share of the samples' time, mean over the processes that count."""
    contended: int | None = None
    """Samples that were dropped as contended, in the processes that count."""
    retaken: int = 0
    """Number of retakes."""
    alone: Side | None = None
    """See `always_waiting`."""


def waits_of(blocks: Sequence[Block]) -> dict[str, Waits]:
    """Return the waiting of each benchmark, by key."""
    timed = [block for block in blocks if block.stage in TIMED]
    return {key: _waits(blocks_of_key) for key, blocks_of_key in by_benchmark(timed).items()}


def _waits(blocks: Sequence[Block]) -> Waits:
    measurements = [
        measurement for block in counted(blocks) for measurement in block.measurements().values()
    ]
    metered = [measurement for measurement in measurements if measurement.waited is not None]
    return Waits(
        wait_share=mean(measurement.waited or 0.0 for measurement in metered) if metered else None,
        contended=sum(len(measurement.dropped) for measurement in metered) if metered else None,
        retaken=sum(block.take > 0 for block in blocks),
        alone=always_waiting(blocks),
    )


def always_waiting(blocks: Iterable[Block]) -> Side | None:
    """Return the side that alone waited in several blocks in a row, in every take of them.

    None if neither did. ``blocks`` are those of one benchmark, in the order measured.
    """
    takes: dict[tuple[Stage, int], list[Block]] = {}
    for block in blocks:
        if block.stage in TIMED:
            takes.setdefault((block.stage, block.number), []).append(block)
    for side, group in groupby(takes.values(), _alone):
        if side is not None and sum(1 for _ in group) >= _IN_A_ROW:
            return side
    return None


def _alone(takes: Sequence[Block]) -> Side | None:
    """Return which of base and head waited in every take while the other did not."""
    waited = [waiting_sides(block.measurements()) for block in takes]
    for side, other in _PAIRS:
        if len(takes) > 1 and all(side in sides and other not in sides for sides in waited):
            return side
    return None


def idle_share(blocks: Iterable[Block]) -> float | None:
    """Return the share of a benchmark's time in which none of its threads ran or was ready to.

    The larger share of both sides; None where it is unknown.
    """
    calibrated = [block for block in blocks if block.stage == "calibration"]
    shares = [measurement.idle for block in calibrated for measurement in (block.base, block.head)]
    return max((share for share in shares if share is not None), default=None)


def one_sided(waits: Waits) -> str | None:
    """Return a note where one side alone waited in consecutive blocks; None elsewhere."""
    if waits.alone is None:
        return None
    other = "BASE" if waits.alone == "head" else "HEAD"
    return (
        f"{waits.alone.upper()} waited for cores in block after block and {other} did not: for "
        "threads of its own, or for a neighbour"
    )
