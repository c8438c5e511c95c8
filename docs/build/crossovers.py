"""docs/crossovers.md: the map."""

from __future__ import annotations

from docs.build.blocks import Blocks
from docs.build.shown import Shown
from perceptron.analysis.over_processes import threads_in_all
from perceptron.report.charts.as_svg import draw


def blocks(runs: Shown) -> Blocks:
    """Return which backend wins how much of the map, and where it was measured."""
    run, cells = runs.phase_map.run, runs.phase_map.answer.data["map"]
    facts = run.facts.environment
    return {
        "map": f"{cells.summary}. {cells.cells_measured} of {len(cells.cells)} cells measured on "
        f"{facts.cpu}, {facts.cores} cores, "
        f"{threads_in_all(cells.threads, cells.backends)}, {cells.dtype}; "
        f"{run.rows[0].when[:10]}, rows in `{run.folder}`."
    }


def pictures(runs: Shown) -> dict[str, str]:
    """Return the map: SVG by file name."""
    return {"map.svg": draw(runs.phase_map.answer.figures[0].drawing)}
