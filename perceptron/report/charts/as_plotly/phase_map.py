"""A phase map for plotly. Cells stand at whole numbers: their sizes are even in logarithms."""

from __future__ import annotations

from collections.abc import Callable
from math import log
from typing import Any

from perceptron.figure import Cell, MapFigure, Region
from perceptron.report.charts import plot
from perceptron.report.charts.plot import Look, Trace, ViewFigure
from perceptron.untrusted_text import for_plotly


def draw_map(figure: MapFigure, looks: plot.Looks) -> ViewFigure:
    """Return the map with a field of cells for each backend, and a grey one for ties."""
    grey = _field(figure, lambda cell: 1.0 if cell.tie else None)
    grey |= {"colorscale": [[0, "--line"], [1, "--line"]], "showscale": False}
    won = [_won(figure, name, looks[name]) for name in figure.backends]
    return ViewFigure(
        alt=figure.alt,
        caption=figure.caption,
        height=figure.height,
        data=[grey, *won, *_borders(figure), *_dots(figure)],
        layout={
            "xaxis": _axis(figure.x_values, figure.x_title),
            "yaxis": _axis(figure.y_values, figure.y_title),
            "annotations": [_name(region) for region in figure.regions],
        },
    )


def _axis(values: tuple[int, ...], title: str) -> dict[str, Any]:
    step = max(1, len(values) // 8)
    shown = list(range(0, len(values), step))
    return {
        "title": {"text": for_plotly(title)},
        "tickvals": shown,
        "ticktext": [f"{values[index]:,}" for index in shown],
        "range": [-0.5, len(values) - 0.5],
        "showgrid": False,
        "zeroline": False,
    }


def _won(figure: MapFigure, name: str, look: Look) -> Trace:
    """Return the cells that a backend wins, by the logarithm of how far it is ahead."""
    end = log(figure.top)
    return _field(figure, lambda cell: cell.strength * end if cell.backend == name else None) | {
        "name": for_plotly(name),
        "colorscale": [[0, f"{look.colour}/0.2"], [1, f"{look.colour}/0.9"]],
        "zmin": 0,
        "zmax": end,
        "showscale": False,
    }


def _field(figure: MapFigure, value: Callable[[Cell], float | None]) -> Trace:
    return {
        "type": "heatmap",
        "z": [[value(cell) for cell in row] for row in figure.cells],
        "text": [[for_plotly(cell.text, 300) for cell in row] for row in figure.cells],
        "hoverinfo": "text",
        "hoverongaps": False,
        "xgap": 1,
        "ygap": 1,
    }


def _borders(figure: MapFigure) -> list[Trace]:
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "x": [_index(x, figure.x_values) for x, _ in line],
            "y": [_index(y, figure.y_values) for _, y in line],
            "line": {"color": "--ink", "width": 2},
            "hoverinfo": "skip",
            "showlegend": False,
        }
        for line in figure.borders
    ]


def _index(size: float, values: tuple[int, ...]) -> float:
    """Return where a size lies among the cells, on a logarithmic scale."""
    if len(values) < 2:
        return 0.0
    first, last = log(values[0]), log(values[-1])
    return (log(size) - first) / (last - first) * (len(values) - 1)


def _dots(figure: MapFigure) -> list[Trace]:
    """Return a dot in each measured cell, open where the winner is not sure."""
    traces: list[Trace] = []
    for symbol, sure in (("circle", True), ("circle-open", False)):
        points = [
            (x, y)
            for y, row in enumerate(figure.cells)
            for x, cell in enumerate(row)
            if cell.measured and cell.sure == sure
        ]
        if points:
            traces.append(
                {
                    "type": "scatter",
                    "mode": "markers",
                    "x": [_index(figure.x_values[x], figure.x_values) for x, _ in points],
                    "y": [_index(figure.y_values[y], figure.y_values) for _, y in points],
                    "marker": {"size": 5, "symbol": symbol, "color": "--ink"},
                    "hoverinfo": "skip",
                    "showlegend": False,
                }
            )
    return traces


def _name(region: Region) -> dict[str, Any]:
    detail = f"<br>{region.detail}" if region.detail else ""
    return {
        "x": region.x,
        "y": region.y,
        "text": f"<b>{for_plotly(region.backend)}</b>{detail}",
        "showarrow": False,
        "font": {"size": 14, "color": "--ink"},
        "bgcolor": "--paper/0.75",
        "borderpad": 3,
    }
