"""The page of maps: who wins at which two sizes, and by how much."""

from __future__ import annotations

from perceptron.analysis.over_processes import threads_in_all
from perceptron.analysis.phase_map.phase_map import TIED, MapCell, MapResult, PhaseMap
from perceptron.analysis.stored.collection import Collection
from perceptron.analysis.training import training_words
from perceptron.numbers import digits
from perceptron.report.charts import plot
from perceptron.report.charts.as_plotly.draw import draw
from perceptron.report.charts.phase_map import map_figure
from perceptron.report.dashboard.page import machine_name, state_name
from perceptron.report.dashboard.view import View, Views, ViewTable, table
from perceptron.report.tables.phase_map import not_refined_line

SWITCHES = ("Family", "Machine", "Run", "dtype", "Threads")


def map_views(collection: Collection, looks: plot.Looks) -> Views:
    """Return a view for each map."""
    views = Views("map", SWITCHES, collection.older.get("map", 0))
    for part, result in enumerate(collection.maps):
        views.add(part, map_setting(result), _view(result, looks))
    return views


def map_setting(result: MapResult) -> tuple[str, ...]:
    """Return the setting of the switches that shows this map."""
    drawn, first = result.map, result.rows[0]
    return (
        drawn.family,
        machine_name(drawn.machine, first.source),
        state_name(first.commit, first.when),
        drawn.dtype or "not stated",
        str(drawn.threads or "not stated"),
    )


def _view(result: MapResult, looks: plot.Looks) -> View:
    drawn = result.map
    facts = result.environment
    how = training_words(result.rows[0])
    return View(
        title=f"{drawn.family}: which backend wins where",
        lines=[
            drawn.summary,
            f"{facts.cpu}, {facts.cores} cores, "
            f"{threads_in_all(drawn.threads, drawn.backends)}, {drawn.dtype}"
            f"{f', {how}' if how else ''}; "
            f"{drawn.cells_measured} of {len(drawn.cells)} cells were measured, the others lie "
            "between those and have no interval.",
            *(f"{name}: not measured: {reason}." for name, reason in drawn.absent.items()),
            *([not_refined_line(result)] if result.not_refined else []),
        ],
        figures=draw(map_figure(drawn), looks),
        tables=[_cells(drawn), _borders(drawn)],
    )


def _cells(phase_map: PhaseMap) -> ViewTable:
    """Every cell: the second axis down, the largest first as on the figure."""
    x, y = phase_map.axes
    by_sizes = {(cell.x, cell.y): cell for cell in phase_map.cells}
    columns = (f"{y} ↓ {x} →", *(f"{size:,}>" for size in phase_map.x_values))
    rows = [
        (f"{size:,}", *(_short(by_sizes[across, size]) for across in phase_map.x_values))
        for size in reversed(phase_map.y_values)
    ]
    return table(
        columns,
        rows,
        "The fastest, and how many times as fast as the next (• measured, ? undecided)",
    )


def _short(cell: MapCell) -> str:
    mark = f"{'' if cell.decided else '?'}{' •' if cell.measured else ''}"
    if cell.winner is None:
        return "–"
    ahead = "" if cell.ratio is None else f" {digits(cell.ratio, 2)}×"
    return f"{'tie' if cell.winner == TIED else cell.winner}{ahead}{mark}"


def _borders(phase_map: PhaseMap) -> ViewTable:
    columns = (
        "border",
        f"from {phase_map.axes[0]}>",
        f"{phase_map.axes[1]}>",
        f"to {phase_map.axes[0]}>",
        f"{phase_map.axes[1]}>",
    )
    rows = [
        (
            " | ".join(border.backends),
            *(digits(value, 2) for value in (*line[0], *line[-1])),
        )
        for border in phase_map.borders
        for line in border.lines
    ]
    return table(columns, rows, "Where two backends take equal times")
