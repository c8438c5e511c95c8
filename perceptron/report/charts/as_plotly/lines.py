"""Lines over two axes, for plotly."""

from __future__ import annotations

from math import log10
from typing import Any

from perceptron.figure import Axis, Line, LineFigure, Mark, Note, Stretch
from perceptron.report.charts import plot
from perceptron.report.charts.plot import Look, Trace, ViewFigure
from perceptron.untrusted_text import for_plotly

_SHADES = {"interval": "--ink/0.1", "tie": "--ink/0.12", "unsure": "--warn/0.5"}


def draw_lines(figure: LineFigure, looks: plot.Looks) -> ViewFigure:
    """Return the figure with a trace for each line and two for the edges of its band."""
    layout: dict[str, Any] = {
        "xaxis": plot.axis(figure.x),
        "yaxis": plot.axis(figure.y),
        "shapes": [*map(_stretch, figure.stretches), *map(_line, figure.marks)],
        "annotations": [
            *(_label(mark, figure.x) for mark in figure.marks if mark.label),
            *(_note(note, looks[note.backend]) for note in figure.notes),
        ],
    }
    if not figure.legend:
        layout["showlegend"] = False
    return ViewFigure(
        alt=figure.alt,
        caption=figure.caption,
        height=figure.height,
        data=[
            *(trace for line in figure.lines for trace in _traces(line, _look(line, looks))),
            *([_limit(figure)] if figure.limit else []),
        ],
        layout=layout,
    )


def _look(line: Line, looks: plot.Looks) -> Look:
    return looks[line.backend] if line.machine is None else plot.MACHINES[line.machine]


def _traces(line: Line, look: Look) -> list[Trace]:
    group = plot.legend_group(line.label)
    dash, width = ("1px,3px", 1.5) if line.estimated else (look.dash, 2)
    trace = {
        "type": "scatter",
        "mode": "lines" if line.estimated else "lines+markers",
        "name": for_plotly(line.label),
        "legendgroup": group,
        "x": list(line.x),
        "y": list(line.y),
        "line": {"color": look.colour, "dash": dash, "width": width},
        "marker": {"color": look.colour, "symbol": look.symbol, "size": 7},
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
        "line": {"width": 0, "color": look.colour},
    }
    low = [end or value for end, value in zip(line.low, line.y, strict=True)]
    high = [end or value for end, value in zip(line.high, line.y, strict=True)]
    fill = f"{look.colour}/{0.08 if line.estimated else 0.18}"
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


def _line(mark: Mark) -> dict[str, Any]:
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


def _label(mark: Mark, axis: Axis) -> dict[str, Any]:
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


def _note(note: Note, look: Look) -> dict[str, Any]:
    return {
        "xref": "paper",
        "yref": "paper",
        "x": 1 if note.right else 0,
        "y": 1 if note.top else 0,
        "xanchor": "right" if note.right else "left",
        "yanchor": "top" if note.top else "bottom",
        "showarrow": False,
        "text": for_plotly(note.text),
        "font": {"size": 12, "color": look.colour},
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
