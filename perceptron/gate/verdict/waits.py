"""How long the processes of a benchmark waited for a core: it decides nothing, and explains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean

from perceptron.records.block import Block, Reading, counted
from perceptron.waiting import LARGEST_WAITED_SHARE


@dataclass(frozen=True)
class Waits:
    """Of one benchmark, calibration not counted; None where waiting is unknown."""

    waited: float | None = None
    """Share of the samples' time, mean over the processes that count."""
    disturbed: int | None = None
    """Samples that were dropped for others, in the processes that count."""
    retaken: int = 0
    """Blocks taken again, each time counted."""


def waits_of(blocks: Sequence[Block]) -> dict[str, Waits]:
    """Return what the blocks of each benchmark say."""
    readings: dict[str, list[Reading]] = {}
    retaken: dict[str, int] = {}
    for block in counted(blocks):
        if block.stage != "calibration":
            readings.setdefault(block.benchmark, []).extend(block.readings().values())
            retaken[block.benchmark] = retaken.get(block.benchmark, 0) + block.take
    return {key: _waits(own, retaken[key]) for key, own in readings.items()}


def _waits(readings: Sequence[Reading], retaken: int) -> Waits:
    known = [reading for reading in readings if reading.waited is not None]
    if not known:
        return Waits(retaken=retaken)
    return Waits(
        waited=mean(reading.waited or 0.0 for reading in known),
        disturbed=sum(len(reading.dropped) for reading in known),
        retaken=retaken,
    )


def too_noisy(waits: Waits) -> str:
    """Return why nothing could be said, with the cause where waiting was it."""
    advice = "measure on a quieter machine, or raise --budget"
    if waits.waited is None or waits.waited <= LARGEST_WAITED_SHARE:
        return f"too noisy here: {advice}"
    return (
        f"too noisy here, where it waited {100 * waits.waited:.0f} % of its time for a core: "
        + ("something else used the cores: " + advice)
    )
