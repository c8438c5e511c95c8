"""docs/ladder.md: the ladder of the OR gate, and that of a training by mini-batches."""

from __future__ import annotations

from docs.build.blocks import Blocks
from docs.build.shown import BATCHES, Shown
from perceptron.analysis.overhead.ladder import OverheadResult
from perceptron.report.charts.as_svg.draw import draw
from perceptron.report.charts.ladder import ladder_figure
from perceptron.report.tables import markdown
from perceptron.report.tables.ladder import no_floor_line, phase_table, rung_table


def blocks(runs: Shown) -> Blocks:
    """Return where the ladder of the picture was measured, and the tables of the batches'."""
    batches = f"Not measured yet: `perceptron overhead --problem {BATCHES}` does."
    if runs.batches is not None:
        rungs = markdown.table(*rung_table(runs.batches))
        phases = markdown.table(*phase_table(runs.batches))
        batches = "\n".join([*rungs, "", *phases, "", _ground(runs.batches)])
    return {"ladder": _ground(runs.ladder), "ladder-batches": batches}


def pictures(runs: Shown) -> dict[str, str]:
    """Return the ladder of the OR gate: SVG by file name."""
    return {"ladder.svg": draw(ladder_figure(runs.ladder))}


def _ground(ladder: OverheadResult) -> str:
    facts = ladder.environment
    processes = len({row.process for row in ladder.rows if row.phase is None})
    ground = (
        f"{facts.cpu}, {facts.cores} cores; {processes} fresh processes each; "
        f"{ladder.rows[0].when[:10]}, rows in `{ladder.results}`."
    )
    return " ".join(filter(None, (no_floor_line(ladder), ground)))
