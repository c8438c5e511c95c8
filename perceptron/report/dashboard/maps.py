"""The page of maps: who wins at which two sizes, and by how much."""

from __future__ import annotations

from collections.abc import Callable
from math import log

from perceptron.analysis.phase_map.phase_map import TIED, MapCell, MapResult, PhaseMap
from perceptron.analysis.stored.collection import Collection
from perceptron.report.charts import plot
from perceptron.report.charts.phase_map import is_sure, top_ratio
from perceptron.report.dashboard.names import machine_name, state_name
from perceptron.report.dashboard.section import PageTable
from perceptron.report.dashboard.view import Trace, View, ViewFigure, Views, ViewTable, table
from perceptron.report.numbers import digits, interval
from perceptron.untrusted_text import for_plotly

SWITCHES = ("Family", "Machine", "Run", "dtype", "Threads")


def map_views(found: Collection, looks: plot.Looks) -> Views:
    """A view for each map."""
    views = Views("map", SWITCHES)
    for part, each in enumerate(found.maps):
        drawn, first = each.map, each.rows[0]
        place = (
            drawn.family,
            machine_name(drawn.machine, first.source),
            state_name(first.commit, first.when),
            drawn.dtype or "not stated",
            str(drawn.threads or "not stated"),
        )
        views.add(part, place, _view(each, looks))
    return views


def _view(found: MapResult, looks: plot.Looks) -> View:
    drawn = found.map
    facts = found.environment
    return View(
        title=f"{drawn.family}: which backend wins where",
        lines=[
            drawn.summary,
            f"{facts.cpu}, {facts.cores} cores, {drawn.threads} threads, {drawn.dtype}; "
            f"{drawn.cells_measured} of {len(drawn.cells)} cells were measured, the others lie "
            "between those and have no interval.",
            *(f"{name}: not measured: {reason}." for name, reason in drawn.absent.items()),
        ],
        figures=[_figure(drawn, looks)],
        tables=[_cells(drawn), _borders(drawn)],
    )


def _figure(found: PhaseMap, looks: plot.Looks) -> ViewFigure:
    top = top_ratio(found)
    traces = [_field(found, name, looks[name], top) for name in found.backends]
    grey = _trace(found, lambda cell: 1.0 if cell.winner == TIED else None)
    grey |= {"colorscale": [[0, "--line"], [1, "--line"]], "showscale": False}
    traces = [grey, *traces, *_lines(found), *_dots(found)]
    x, y = found.axes
    return ViewFigure(
        alt=f"Map of {found.family} over {x} and {y}, both logarithmic. {found.summary}",
        caption="Colour: the fastest backend, stronger where it is further ahead of the next, up "
        f"to {top}×. Dots: measured cells, open where the winner is not sure. Lines: equal times. "
        "Grey: a tie within ±5 %.",
        height=560,
        data=traces,
        layout={
            "xaxis": _axis(found.x_values, x),
            "yaxis": _axis(found.y_values, y),
            "annotations": _names(found),
        },
    )


def _axis(values: list[int], title: str) -> Trace:
    """Cells stand at whole numbers: their sizes are spread evenly in logarithms anyhow."""
    step = max(1, len(values) // 8)
    places = list(range(0, len(values), step))
    return {
        "title": {"text": for_plotly(title)},
        "tickvals": places,
        "ticktext": [f"{values[place]:,}" for place in places],
        "range": [-0.5, len(values) - 0.5],
        "showgrid": False,
        "zeroline": False,
    }


def _field(found: PhaseMap, name: str, look: plot.Look, top: int) -> Trace:
    """Cells that this backend wins, by the logarithm of how far it is ahead."""

    def ahead(cell: MapCell) -> float | None:
        if cell.winner != name:
            return None
        return min(log(cell.ratio), log(top)) if cell.ratio else log(top)

    return _trace(found, ahead) | {
        "name": for_plotly(name),
        "colorscale": [[0, f"{look.colour}/0.2"], [1, f"{look.colour}/0.9"]],
        "zmin": 0,
        "zmax": log(top),
        "showscale": False,
    }


def _trace(found: PhaseMap, value: Callable[[MapCell], float | None]) -> Trace:
    rows, texts = _matrix(found, value), _matrix(found, _told(found))
    return {
        "type": "heatmap",
        "z": rows,
        "text": texts,
        "hoverinfo": "text",
        "hoverongaps": False,
        "xgap": 1,
        "ygap": 1,
    }


def _matrix(found: PhaseMap, value: Callable[[MapCell], object]) -> list[list[object]]:
    """A row for each size of the second axis, as plotly wants it."""
    height = len(found.y_values)
    return [
        [value(found.cells[across * height + along]) for across in range(len(found.x_values))]
        for along in range(height)
    ]


def _told(found: PhaseMap) -> Callable[[MapCell], str]:
    x, y = found.axes

    def told(cell: MapCell) -> str:
        where = f"{x} {cell.x:,}, {y} {cell.y:,}: "
        if cell.winner is None or cell.fastest is None:
            return for_plotly(where + "nothing has a time", 300)
        if cell.ratio is None:
            return for_plotly(where + f"{cell.fastest} alone has a time", 300)
        ahead = interval(cell.ratio, cell.low, cell.high) if cell.measured else digits(cell.ratio)
        how = "measured" if cell.measured else "between measured cells"
        tie = ", a tie" if cell.winner == TIED else ""
        return for_plotly(
            f"{where}{cell.fastest} {ahead} × as fast as {cell.second}{tie}; {how}", 300
        )

    return told


def _lines(found: PhaseMap) -> list[Trace]:
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "x": [_place(x, found.x_values) for x, _ in line],
            "y": [_place(y, found.y_values) for _, y in line],
            "line": {"color": "--ink", "width": 2},
            "hoverinfo": "skip",
            "showlegend": False,
        }
        for border in found.borders
        for line in border.lines
    ]


def _place(size: float, values: list[int]) -> float:
    """Where a size lies among the cells, on a logarithmic scale."""
    if len(values) < 2:
        return 0.0
    first, last = log(values[0]), log(values[-1])
    return (log(size) - first) / (last - first) * (len(values) - 1)


def _dots(found: PhaseMap) -> list[Trace]:
    """A dot in each measured cell, open where the winner is not sure."""
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "x": [_place(cell.x, found.x_values) for cell in cells],
            "y": [_place(cell.y, found.y_values) for cell in cells],
            "marker": {"size": 5, "symbol": symbol, "color": "--ink"},
            "hoverinfo": "skip",
            "showlegend": False,
        }
        for symbol, sure in (("circle", True), ("circle-open", False))
        if (cells := [cell for cell in found.cells if cell.measured and is_sure(cell) == sure])
    ]


def _names(found: PhaseMap) -> list[Trace]:
    """The name of each winner, in the middle of its cells, so that colour alone tells nothing."""
    labels = []
    for name in found.backends:
        cells = [cell for cell in found.cells if cell.winner == name]
        if len(cells) < 0.03 * len(found.cells):
            continue
        x = sorted(found.x_values.index(cell.x) for cell in cells)
        y = sorted(found.y_values.index(cell.y) for cell in cells)
        labels.append(
            {
                "x": x[len(x) // 2],
                "y": y[len(y) // 2],
                "text": f"<b>{for_plotly(name)}</b>",
                "showarrow": False,
                "font": {"size": 14, "color": "--ink"},
                "bgcolor": "--paper/0.75",
                "borderpad": 3,
            }
        )
    return labels


def _cells(found: PhaseMap) -> ViewTable:
    """Every cell: the second axis down, the largest first as on the figure."""
    x, y = found.axes
    by_place = {(cell.x, cell.y): cell for cell in found.cells}
    columns = (f"{y} ↓ {x} →", *(f"{size:,}>" for size in found.x_values))
    rows = [
        (f"{size:,}", *(_short(by_place[across, size]) for across in found.x_values))
        for size in reversed(found.y_values)
    ]
    return table(
        PageTable(columns, rows, "The fastest, and how many times as fast as the next (• measured)")
    )


def _short(cell: MapCell) -> str:
    mark = " •" if cell.measured else ""
    if cell.winner is None:
        return "–"
    ahead = "" if cell.ratio is None else f" {digits(cell.ratio, 2)}×"
    return f"{'tie' if cell.winner == TIED else cell.winner}{ahead}{mark}"


def _borders(found: PhaseMap) -> ViewTable:
    columns = (
        "border",
        f"from {found.axes[0]}>",
        f"{found.axes[1]}>",
        f"to {found.axes[0]}>",
        f"{found.axes[1]}>",
    )
    rows = [
        (
            " | ".join(border.backends),
            *(digits(value, 2) for value in (*line[0], *line[-1])),
        )
        for border in found.borders
        for line in border.lines
    ]
    return table(PageTable(columns, rows, "Where two backends take equal times"))
