"""The figure of a comparison's blocks: what each pair of processes says of one benchmark."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, inf, log

from perceptron.figure import BlockDot, BlocksFigure
from perceptron.records.block import Block, Stage
from perceptron.records.comparison import Row
from perceptron.report.comparison_row import amount, percent
from perceptron.untrusted_text import label

_HEIGHT = 280
_LARGEST = log(1e6)
_STAGES: tuple[Stage, ...] = ("screen", "confirmation")


def blocks_figure(row: Row, blocks: Sequence[Block]) -> BlocksFigure | None:
    """Return the changes that the blocks of a row show, in the order in which they were measured.

    The screen's come first, then those of the confirmation; None where no block has both times.
    """
    timed = [block for stage in _STAGES for block in blocks if block.stage == stage]
    dots = tuple(
        BlockDot(
            at=at,
            change=change,
            confirms=block.stage == "confirmation",
            text=f"{block.stage}, block {block.number + 1}: {_values(row, block)}, "
            f"{percent(change, sign=True)}",
        )
        for at, block in enumerate(timed, 1)
        if (change := _change(block)) is not None
    )
    if not dots:
        return None
    screened = sum(not dot.confirms for dot in dots)
    confirming = len(dots) - screened
    of = ", from the confirmation alone" if confirming else ""
    changes = sorted(dot.change for dot in dots)
    return BlocksFigure(
        alt=f"Change from BASE to HEAD in {len(dots)} blocks, from "
        f"{percent(changes[0], sign=True)} to {percent(changes[-1], sign=True)}",
        caption="Each dot is one block, neighbouring processes of BASE and HEAD: "
        f"{screened} of the screen (open), {confirming} of the confirmation (filled). "
        f"Line and band: the estimate with its 99% interval{of}.",
        height=_HEIGHT,
        dots=dots,
        change=row.change,
        low=row.low,
        high=row.high,
    )


def _change(block: Block) -> float | None:
    ratio = block.log_ratio()
    return None if ratio is None or not -inf < ratio < _LARGEST else exp(ratio) - 1


def _values(row: Row, block: Block) -> str:
    values = (reading.value or 0.0 for reading in (block.base, block.head))
    base, head = (label(amount(value, row.unit)) for value in values)
    return f"{base} → {head}"
