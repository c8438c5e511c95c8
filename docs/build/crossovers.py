"""docs/crossovers.md: the map."""

from __future__ import annotations

from docs.build.blocks import Blocks
from docs.build.shown import Shown
from perceptron.analysis.over_processes import threads_in_all
from perceptron.report.charts.as_svg.draw import draw
from perceptron.report.charts.phase_map import map_figure


def blocks(runs: Shown) -> Blocks:
    """Return who wins how much of the map, and on what it was measured."""
    result = runs.phase_map
    cells, facts = result.map, result.environment
    return {
        "map": f"{cells.summary} {cells.cells_measured} of {len(cells.cells)} cells measured on "
        f"{facts.cpu}, {facts.cores} cores, "
        f"{threads_in_all(cells.threads, cells.backends)}, {cells.dtype}; "
        f"{result.rows[0].when[:10]}, rows in `{result.results}`."
    }


def pictures(runs: Shown) -> dict[str, str]:
    """Return the map: SVG by file name."""
    return {"map.svg": draw(map_figure(runs.phase_map.map))}
