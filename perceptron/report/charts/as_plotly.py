"""A figure for plotly, as plain data.

Colours are names, ``--ink`` or ``--s3/0.2``, that the page's script looks up in its style sheet:
so one figure is drawn for light, for dark and for paper.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import log, log10
from textwrap import wrap
from typing import Any

from msgspec import Struct

from perceptron.figure import (
    MOST_MARKERS,
    Axis,
    BarFigure,
    Cell,
    Dot,
    DotFigure,
    Figure,
    Line,
    LineFigure,
    MapFigure,
    Mark,
    Note,
    Region,
    Stretch,
)
from perceptron.report.charts.palette import MACHINES, Stroke
from perceptron.untrusted_text import for_plotly, shortened

Trace = dict[str, Any]

# Symbols of plotly for those of matplotlib.
SYMBOLS = {
    "o": "circle",
    "v": "triangle-down",
    "s": "square",
    "D": "diamond",
    "d": "diamond-tall",
    "^": "triangle-up",
    "P": "cross",
    "X": "x",
    "*": "star",
    "<": "triangle-left",
    ">": "triangle-right",
    "p": "pentagon",
    "h": "hexagon",
    "H": "hexagon2",
}


class ViewFigure(Struct, frozen=True, kw_only=True):
    """A figure as plotly takes it, its height in pixels; colours are names of the pages'."""

    alt: str
    caption: str
    height: int
    data: list[Trace]
    layout: dict[str, Any]


Looks = Mapping[str, Stroke]
_TIE = "--soft/0.4"
"""Grey, but darker than the palest win."""


def legend_group(name: str) -> str:
    """Return what plotly keeps a trace's entry under, in an object that knows ``constructor``."""
    return f"of {for_plotly(name)}"


def axis(description: Axis) -> dict[str, Any]:
    """Return an axis as plotly takes it."""
    ends = (description.low, description.high)
    return {
        "type": "linear" if description.is_linear else "log",
        "title": {"text": for_plotly(description.title)},
        "range": list(ends if description.is_linear else map(log10, ends)),
        "tickvals": [value for value, _ in description.ticks],
        "ticktext": [text for _, text in description.ticks],
    }


def draw(figure: Figure | None, looks: Looks) -> list[ViewFigure]:
    """Return the figure as a page of views takes it; nothing where there is none."""
    match figure:
        case LineFigure():
            return [_lines(figure, looks)]
        case BarFigure():
            return [_bars(figure)]
        case DotFigure():
            return [_dots(figure, looks)]
        case MapFigure():
            return [_map(figure, looks)]
        case None:
            return []


def _view(figure: Figure, data: list[Trace], layout: dict[str, Any]) -> ViewFigure:
    return ViewFigure(
        alt=figure.alt, caption=figure.caption, height=figure.height, data=data, layout=layout
    )


# --- lines over two axes --------------------------------------------------------------------------


_SHADES = {"interval": "--ink/0.1", "tie": "--ink/0.12", "undecided": "--warn/0.5"}


def _lines(figure: LineFigure, looks: Looks) -> ViewFigure:
    layout: dict[str, Any] = {
        "xaxis": axis(figure.x),
        "yaxis": axis(figure.y),
        "shapes": [*map(_stretch, figure.stretches), *map(_mark, figure.marks)],
        "annotations": [
            *(_mark_label(mark, figure.x) for mark in figure.marks if mark.label),
            *(_note(note, looks[note.backend]) for note in figure.notes),
        ],
    }
    if not figure.legend:
        layout["showlegend"] = False
    return _view(
        figure,
        data=[
            *(trace for line in figure.lines for trace in _traces(line, _look(line, looks))),
            *([_limit(figure)] if figure.limit else []),
        ],
        layout=layout,
    )


def _look(line: Line, looks: Looks) -> Stroke:
    return looks[line.backend] if line.machine is None else MACHINES[line.machine]


def _traces(line: Line, look: Stroke) -> list[Trace]:
    group = legend_group(line.label)
    own = ",".join(f"{length:g}px" for length in look.dash) or "solid"
    dash, width = ("1px,3px", 1.5) if line.estimated else (own, 2)
    has_markers = not line.estimated and len(line.x) <= MOST_MARKERS
    trace = {
        "type": "scatter",
        "mode": "lines+markers" if has_markers else "lines",
        "name": for_plotly(line.label),
        "legendgroup": group,
        "x": list(line.x),
        "y": list(line.y),
        "line": {"color": look.token, "dash": dash, "width": width},
        "marker": {"color": look.token, "symbol": SYMBOLS[look.marker], "size": 7},
        "text": [for_plotly(text, 300) for text in line.texts],
        "hoverinfo": "text",
    }
    if all(end is None for end in (*line.low, *line.high)):
        return [trace]
    edge = {
        "type": "scatter",
        "mode": "lines",
        "legendgroup": group,
        "showlegend": False,
        "hoverinfo": "skip",
        "x": list(line.x),
        "line": {"width": 0, "color": look.token},
    }
    low, high = line.band
    fill = f"{look.token}/{0.08 if line.estimated else 0.18}"
    return [edge | {"y": low}, edge | {"y": high, "fill": "tonexty", "fillcolor": fill}, trace]


def _limit(figure: LineFigure) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines",
        "showlegend": False,
        "x": [x for x, _ in figure.limit],
        "y": [y for _, y in figure.limit],
        "line": {"color": "--ink", "width": 2},
        "hoverinfo": "skip",
    }


def _mark(mark: Mark) -> dict[str, Any]:
    return {
        "type": "line",
        "xref": "x",
        "yref": "paper",
        "x0": mark.x,
        "x1": mark.x,
        "y0": 0,
        "y1": 1,
        "line": {"color": "--ink", "width": 1, "dash": "dot"},
    }


def _mark_label(mark: Mark, axis: Axis) -> dict[str, Any]:
    left = mark.is_labelled_left(axis)
    return {
        "xref": "x",
        "yref": "paper",
        "x": log10(mark.x),
        "y": 0.02 + 0.11 * mark.level,
        "xanchor": "right" if left else "left",
        "yanchor": "bottom",
        "xshift": -4 if left else 4,
        "showarrow": False,
        "text": for_plotly(mark.label),
        "font": {"size": 12, "color": "--ink"},
        "bgcolor": "--paper/0.7",
    }


def _note(note: Note, look: Stroke) -> dict[str, Any]:
    return {
        "xref": "paper",
        "yref": "paper",
        "x": 1 if note.right else 0,
        "y": 1 if note.top else 0,
        "xanchor": "right" if note.right else "left",
        "yanchor": "top" if note.top else "bottom",
        "showarrow": False,
        "text": for_plotly(note.text),
        "font": {"size": 12, "color": look.token},
        "bgcolor": "--paper/0.7",
    }


def _stretch(stretch: Stretch) -> dict[str, Any]:
    """Return a shaded stretch of one axis, across the figure, behind the lines."""
    own, other = ("x", "y") if stretch.axis == "x" else ("y", "x")
    return {
        "type": "rect",
        "layer": "below",
        f"{own}ref": own,
        f"{other}ref": "paper",
        f"{own}0": stretch.low,
        f"{own}1": stretch.high,
        f"{other}0": 0,
        f"{other}1": 1,
        "fillcolor": _SHADES[stretch.kind],
        "line": {"width": 0},
    }


# --- times as dots in rows ------------------------------------------------------------------------


# Of a label to its dot or the end of its bar, in pixels, and which edge of the text stands there.
_ABOVE = {"yshift": 7, "xanchor": "center", "yanchor": "bottom", "align": "center"}
_RIGHT = {"xshift": 9, "xanchor": "left", "yanchor": "middle", "align": "left"}
# Characters of a line that a narrow screen has room for beside the names of the rows.
_NARROW = 30


def _dots(figure: DotFigure, looks: Looks) -> ViewFigure:
    """Return the figure with a trace for each dot; labels are annotations."""
    return _view(
        figure,
        data=[_dot(dot, looks[dot.backend]) for dot in figure.dots],
        layout={
            "xaxis": axis(figure.x),
            "yaxis": {
                # Numbers, because two long names may be equal once they are shortened.
                "tickvals": list(range(len(figure.rows))),
                "ticktext": [_in_lines(name) for name in figure.rows],
                "range": [len(figure.rows) - 0.45, -0.6],
                "showgrid": False,
                "zeroline": False,
            },
            "annotations": [
                *map(_dot_label, figure.dots),
                *(_absent(row, reason) for row, reason in figure.absent),
            ],
            "showlegend": False,
        },
    )


def _dot(dot: Dot, look: Stroke) -> Trace:
    marker = {"color": look.token, "symbol": SYMBOLS[look.marker], "size": 12}
    trace: Trace = {
        "type": "scatter",
        "mode": "markers",
        "x": [dot.seconds],
        "y": [dot.row],
        "marker": marker,
        "hovertext": [for_plotly(dot.text, 300)],
        "hoverinfo": "text",
    }
    if dot.published:
        marker["symbol"] = f"{SYMBOLS[look.marker]}-open"
        return trace
    return trace | {
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [dot.high - dot.seconds],
            "arrayminus": [dot.seconds - dot.low],
            "color": look.token,
        }
    }


def _dot_label(dot: Dot) -> dict[str, Any]:
    """Return a label right of its bar or above its dot: left of it are names on a narrow screen."""
    is_right = dot.side == "right"
    return {
        "xref": "x",
        "yref": "y",
        "x": log10(dot.high if is_right else dot.seconds),
        "y": dot.row,
        "text": _in_lines(dot.label),
        "showarrow": False,
        "font": {"color": "--soft" if dot.published else "--ink"},
        **(_RIGHT if is_right else _ABOVE),
    }


def _absent(row: int, reason: str) -> dict[str, Any]:
    """Return a reason above its row, in lines: the row may have a published time."""
    return {
        "xref": "paper",
        "yref": "y",
        "x": 0,
        "y": row,
        "yshift": 7,
        "xanchor": "left",
        "yanchor": "bottom",
        "align": "left",
        "text": _in_lines("\n".join(wrap(shortened(reason), _NARROW))),
        "showarrow": False,
        "font": {"color": "--soft"},
    }


def _in_lines(lines: str) -> str:
    return "<br>".join(for_plotly(line) for line in lines.split("\n"))


# --- bars, their parts end to end -----------------------------------------------------------------


def _bars(figure: BarFigure) -> ViewFigure:
    """Return the figure with a trace for each part, of all backends."""
    return _view(
        figure,
        data=[
            {
                "type": "bar",
                "orientation": "h",
                "name": for_plotly(part),
                "y": [for_plotly(bar.backend) for bar in own],
                "x": [bar.length for bar in own],
                "marker": {
                    "color": MACHINES[index % len(MACHINES)].token,
                    "line": {"color": "--paper", "width": 1},
                },
                "text": [for_plotly(bar.text, 300) for bar in own],
                "textposition": "none",
                "hoverinfo": "text",
            }
            for index, part in enumerate(figure.parts)
            for own in [[bar for bar in figure.bars if bar.part == part]]
        ],
        layout={
            "barmode": "stack",
            "legend": {"traceorder": "normal"},
            "xaxis": {"title": {"text": figure.x_title}, "rangemode": "tozero"},
            "yaxis": {"type": "category", "autorange": "reversed", "showgrid": False},
        },
    )


# --- a phase map, whose cells stand at whole numbers: their sizes are even in logarithms ----------


def _map(figure: MapFigure, looks: Looks) -> ViewFigure:
    grey = _field(figure, lambda cell: 1.0 if cell.tie else None)
    grey |= {"colorscale": [[0, _TIE], [1, _TIE]], "showscale": False}
    won = [_won(figure, name, looks[name]) for name in figure.backends]
    meanings = [(name, f"{looks[name].token}/0.9") for name in figure.backends]
    if any(cell.tie for row in figure.cells for cell in row):
        meanings.append(("tie within 5%", _TIE))
    return _view(
        figure,
        data=[
            grey,
            *won,
            *_borders(figure),
            *_measured_cells(figure),
            *(_meaning(name, colour) for name, colour in meanings),
        ],
        layout={
            "xaxis": _cell_axis(figure.x_values, figure.x_title),
            "yaxis": _cell_axis(figure.y_values, figure.y_title),
            "annotations": [_region(region) for region in figure.regions],
        },
    )


def _meaning(name: str, colour: str) -> Trace:
    """Return an entry of the legend, which fields of cells do not have."""
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [None],
        "y": [None],
        "name": for_plotly(name),
        "marker": {"symbol": "square", "size": 12, "color": colour},
        "hoverinfo": "skip",
        "showlegend": True,
    }


def _cell_axis(values: tuple[int, ...], title: str) -> dict[str, Any]:
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


def _won(figure: MapFigure, name: str, look: Stroke) -> Trace:
    """Return the cells that a backend wins, by the logarithm of how far it is ahead."""
    end = log(figure.top)
    return _field(figure, lambda cell: cell.strength * end if cell.backend == name else None) | {
        "name": for_plotly(name),
        "colorscale": [[0, f"{look.token}/0.2"], [1, f"{look.token}/0.9"]],
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


def _measured_cells(figure: MapFigure) -> list[Trace]:
    """Return a dot in each measured cell, open where the winner is undecided."""
    traces: list[Trace] = []
    for symbol, decided in (("circle", True), ("circle-open", False)):
        if points := figure.measured(decided):
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


def _region(region: Region) -> dict[str, Any]:
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
