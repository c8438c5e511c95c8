"""Which benchmarks of a block are measured again: those of which one arm waited for a core alone.

Such a block compares a disturbed process with an undisturbed one. The rule knows how long threads
waited and not what was measured; it holds for all arms alike. So it favours none, and cannot choose
a ratio. What waits in every arm stays: its ratio is noisier, and as fair. Where the same arm waits
alone whatever is taken again, it is the code that does, or a neighbour that stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from perceptron.gate.verdict.waits import always_waiting
from perceptron.records.block import Arm, Block, Reading, Stage, waiting_arms

MOST_RETAKES = 2


def is_one_sided(readings: Mapping[Arm, Reading]) -> bool:
    """Return whether some arms waited and others did not; False where that is unknown."""
    return bool(waiting_arms(readings))


def due(blocks: Sequence[Block], stage: Stage, number: int, take: int) -> set[str]:
    """Return the benchmarks that one block of a stage still lacks this take of.

    ``blocks`` are those of the comparison so far.
    """
    takes = [block for block in blocks if (block.stage, block.number) == (stage, number)]
    others = [block for block in blocks if (block.stage, block.number) != (stage, number)]
    measured = {block.benchmark for block in takes if block.take >= take}
    one_sided = {
        block.benchmark
        for block in takes
        if block.take == take - 1 and is_one_sided(block.readings())
    }
    return {
        key
        for key in one_sided - measured
        if always_waiting(block for block in others if block.benchmark == key) is None
    }
