"""Which benchmarks of a block are measured again: those of which one arm waited for a core alone.

Such a block compares a disturbed process with an undisturbed one. The rule knows how long threads
waited and not what was measured; it holds for all arms alike. So it favours none, and cannot choose
a ratio. What waits in every arm stays: its ratio is noisier, and as fair.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from perceptron.records.block import Arm, Block, Reading
from perceptron.waiting import LARGEST_WAITED_SHARE

MOST_RETAKES = 2


def is_one_sided(readings: Mapping[Arm, Reading]) -> bool:
    """Return whether some arms waited and others did not; False where that is unknown."""
    waits = [reading.waited for reading in readings.values() if reading.status == "ok"]
    known = [waited for waited in waits if waited is not None]
    if len(known) < len(readings):
        return False
    waited = [share > LARGEST_WAITED_SHARE for share in known]
    return any(waited) and not all(waited)


def due(blocks: Sequence[Block], take: int) -> set[str]:
    """Return the benchmarks that one block of a stage still lacks this take of.

    ``blocks`` has the takes of that block so far.
    """
    measured = {block.benchmark for block in blocks if block.take >= take}
    before = [block for block in blocks if block.take == take - 1]
    return {
        block.benchmark
        for block in before
        if block.benchmark not in measured and is_one_sided(block.readings())
    }
