"""docs/ladder.md: the cost breakdown of the OR gate, and of a training by mini-batches."""

from __future__ import annotations

from docs.build.blocks import Blocks
from docs.build.shown import BATCHES, Shown
from perceptron.answer import Answered, Table
from perceptron.records.row import times
from perceptron.report.charts.as_svg import draw
from perceptron.report.tables import markdown


def blocks(runs: Shown) -> Blocks:
    """Return where the ladder of the picture was measured, and the tables of the batches'."""
    batches = f"Not measured yet: `perceptron overhead --problem {BATCHES}` does."
    if runs.batches is not None:
        rungs, phases = _table(runs.batches, ""), _table(runs.batches, "Inside one")
        batches = "\n".join(
            [
                *(markdown.table(rungs.columns, rungs.rows) if rungs else []),
                *(["", *markdown.table(phases.columns, phases.rows)] if phases else []),
                "",
                _ground(runs.batches),
            ]
        )
    return {"ladder": _ground(runs.ladder), "ladder-batches": batches}


def pictures(runs: Shown) -> dict[str, str]:
    """Return the ladder of the OR gate: SVG by file name."""
    return {"ladder.svg": draw(runs.ladder.answer.figures[0].drawing)}


def _table(ladder: Answered, title: str) -> Table | None:
    return next((one for one in ladder.answer.tables if one.title.startswith(title)), None)


def _ground(ladder: Answered) -> str:
    facts, rows = ladder.run.facts.environment, times(ladder.run.rows)
    processes = len({row.repeat for row in rows if row.phase is None})
    return (
        f"{facts.cpu}, {facts.cores} cores; {processes} fresh processes each; "
        f"{rows[0].when[:10]}, rows in `{ladder.run.folder}`."
    )
