"""What the page of a comparison says of one benchmark that changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from perceptron.records.block import Block
from perceptron.records.comparison import IntroducedBy, Row
from perceptron.records.profile import Profile
from perceptron.report.charts.as_plotly.blocks import draw_blocks
from perceptron.report.charts.as_plotly.flame import draw_flames
from perceptron.report.charts.blocks import blocks_figure
from perceptron.report.charts.flame import flame_figure
from perceptron.report.charts.plot import ViewFigure
from perceptron.report.numbers import NONE, large, percent, rough_percent
from perceptron.report.tables import comparison as text
from perceptron.report.tables import why

GROWTH = why.COLUMNS
FLAMES = "the Python functions of one call"
"""What a flame graph shows, as the title of the figures says."""
ROUNDS = ("round", "first", "BASE>", "HEAD>", "change>")
_STANDS_ON = {
    "time": "The verdict follows from the clock.",
    "work": "The verdict follows from the counted instructions.",
    "both": "Clock and counted instructions agree.",
}


def changed_row(row: Row, blocks: Sequence[Block]) -> dict[str, Any]:
    """Return the texts and tables of a row; ``blocks`` are its own, of every stage."""
    return {
        "name": text.name(row),
        "verdict": row.verdict,
        "reason": row.reason,
        "where": _place(row.file, row.line),
        "facts": _facts(row),
        "introduced_by": _commit(row.introduced_by),
        "why": why.cells(row),
        "why_not": row.why_not,
        "rounds": [_round(block) for block in blocks if block.stage == "count"],
    }


def figures_of(row: Row, blocks: Sequence[Block], profile: Profile | None) -> dict[str, ViewFigure]:
    """Return by what they show the figures of a row, as far as they can be drawn."""
    by_block = blocks_figure(row, blocks)
    flames = None if profile is None else flame_figure(profile)
    figures = {}
    if by_block is not None:
        figures["its blocks"] = draw_blocks(by_block)
    if flames is not None:
        figures[FLAMES] = draw_flames(flames)
    return figures


def _facts(row: Row) -> list[tuple[str, str]]:
    """Return what the verdict rests on, in pairs of a name and a text."""
    facts = []
    if row.change is not None:
        times = " → ".join(text.amount(value, row.unit) for value in (row.base, row.head))
        facts.append(("time", f"{times}, {text.change(row)} (99 % interval)"))
        facts.append(("blocks", f"{row.screen_blocks} screened, {row.confirmation_blocks} of "
                      "confirmation"))  # fmt: skip
    if row.p_adjusted is not None:
        facts.append(("p of the confirmation", f"{row.p_adjusted:.2g}, over everything that was "
                      "confirmed together"))  # fmt: skip
    if row.change is not None:
        if row.spread is not None:
            facts.append(("spread of the blocks", percent(row.spread)))
        facts.append(("smallest detectable slowdown", text.detectable(row)))
    if row.work is not None:
        facts.append(("work", f"{text.instructions(row.work)} instructions a call, "
                      f"{text.work_change(row)}; noise of the count "
                      f"{rough_percent(row.work.noise)}"))  # fmt: skip
    if row.not_counted is not None:
        facts.append(("not counted", row.not_counted))
    if row.waited is not None:
        facts.append(("waited for a core", f"{percent(row.waited)} of the time"))
    if text.evidence(row) != NONE:
        facts.append(("stands on", _STANDS_ON[row.stands_on]))
    return facts


def _round(block: Block) -> list[str]:
    """Return the cells of one round of counting, in the order of `ROUNDS`."""
    counts = [block.base.instructions, block.head.instructions]
    base, head = counts
    change = head / base - 1 if base and head is not None else None
    reasons = [reading.reason or reading.status for reading in (block.base, block.head)]
    return [
        str(block.number + 1),
        block.order[0].upper() if block.order else NONE,
        *(
            reason if instructions is None else large(instructions)
            for reason, instructions in zip(reasons, counts, strict=True)
        ),
        NONE if change is None else f"{100 * change:+.3f} %",
    ]


def _commit(introduced: IntroducedBy | None) -> tuple[str, str] | None:
    return None if introduced is None else (introduced.commit[:12], introduced.subject)


def _place(file: str | None, line: int | None) -> str | None:
    return file if file is None or line is None else f"{file}:{line}"
