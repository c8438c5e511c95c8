"""Pieces of plotly figures: lines with bands, logarithmic axes, marks. Nothing but plain data.

Colours are names, ``--ink`` or ``--s3/0.2``, that the page's script looks up in its style sheet:
so one figure is drawn for light, for dark and for paper.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import floor, log, log10
from typing import Any

from perceptron.analysis.interval import Interval
from perceptron.report.charts.palette import Stroke
from perceptron.report.dashboard.view import Trace
from perceptron.untrusted_text import for_plotly

# Symbols of plotly for those of matplotlib.
_SYMBOLS = {
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
}
_MOST_TICKS = 9
# Ends of intervals further away than this factor lie outside the figure.
_FAR = 100.0


class Look:
    """How a backend is drawn on every page: its place among the colours, its dash, its marker."""

    def __init__(self, place: int, stroke: Stroke) -> None:
        self.colour = f"--s{place}"
        self.dash = ",".join(f"{length:g}px" for length in stroke.dash) or "solid"
        self.symbol = _SYMBOLS[stroke.marker]


Looks = Mapping[str, Look]


def looks(strokes: Mapping[str, Stroke]) -> dict[str, Look]:
    """A look for each backend."""
    return {name: Look(place, stroke) for place, (name, stroke) in enumerate(strokes.items())}


def curve(
    name: str,
    look: Look,
    sizes: Sequence[float],
    values: Sequence[Interval],
    told: Sequence[str],
) -> list[Trace]:
    """A line with its markers and the band of its intervals; ``told`` is shown on hovering."""
    shown, group = for_plotly(name), legend_group(name)
    line = {
        "type": "scatter",
        "mode": "lines+markers",
        "name": shown,
        "legendgroup": group,
        "x": list(sizes),
        "y": [value.estimate for value in values],
        "line": {"color": look.colour, "dash": look.dash, "width": 2},
        "marker": {"color": look.colour, "symbol": look.symbol, "size": 7},
        "text": [for_plotly(each, 300) for each in told],
        "hoverinfo": "text",
    }
    if all(value.low is None and value.high is None for value in values):
        return [line]
    ends = [
        [value.low or value.estimate for value in values],
        [value.high or value.estimate for value in values],
    ]
    edge = {
        "type": "scatter",
        "mode": "lines",
        "legendgroup": group,
        "showlegend": False,
        "hoverinfo": "skip",
        "x": list(sizes),
        "line": {"width": 0, "color": look.colour},
    }
    low = edge | {"y": ends[0]}
    high = edge | {"y": ends[1], "fill": "tonexty", "fillcolor": f"{look.colour}/0.18"}
    return [low, high, line]


def legend_group(name: str) -> str:
    """What plotly keeps a trace's entry under, in an object that knows ``constructor`` already."""
    return f"of {for_plotly(name)}"


def log_axis(
    values: Iterable[float], tick: Callable[[float], str], base: int, title: str
) -> dict[str, Any]:
    """A logarithmic axis over the values, with ticks at powers of the base and texts of ours."""
    seen = [value for value in values if value > 0] or [1.0]
    low, high = log(min(seen), base), log(max(seen), base)
    room = max(0.03 * (high - low), 0.08 if base == 10 else 0.3)
    powers = range(floor(low - room), floor(high + room) + 1)
    step = max(1, -(-len(powers) // _MOST_TICKS))
    ticks = [float(base) ** power for power in powers if power % step == 0]
    scale = log10(base)
    return {
        "type": "log",
        "title": {"text": for_plotly(title)},
        "range": [(low - room) * scale, (high + room) * scale],
        "tickvals": ticks,
        "ticktext": [tick(value) for value in ticks],
    }


def within(estimates: Iterable[float], ends: Iterable[float]) -> list[float]:
    """The ends of intervals, those far beyond all estimates cut: they would flatten the figure."""
    seen = list(estimates)
    low, high = min(seen) / _FAR, max(seen) * _FAR
    return [min(max(end, low), high) for end in ends]


def vertical(size: float, text: str, place: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """A dotted line at a size on a logarithmic axis, and its label at a height of its own."""
    shape = {
        "type": "line",
        "xref": "x",
        "yref": "paper",
        "x0": size,
        "x1": size,
        "y0": 0,
        "y1": 1,
        "line": {"color": "--ink", "width": 1, "dash": "dot"},
    }
    label = {
        "xref": "x",
        "yref": "paper",
        "x": log10(size),
        "y": 0.02 + 0.11 * place,
        "xanchor": "left",
        "yanchor": "bottom",
        "xshift": 4,
        "align": "left",
        "showarrow": False,
        "text": for_plotly(text),
        "font": {"size": 12, "color": "--ink"},
        "bgcolor": "--paper/0.7",
    }
    return shape, label


def stripe(low: float, high: float, axis: str, colour: str) -> dict[str, Any]:
    """A shaded stretch of the x or y axis, across the figure, behind the lines."""
    other = "y" if axis == "x" else "x"
    return {
        "type": "rect",
        "layer": "below",
        f"{axis}ref": axis,
        f"{other}ref": "paper",
        f"{axis}0": low,
        f"{axis}1": high,
        f"{other}0": 0,
        f"{other}1": 1,
        "fillcolor": colour,
        "line": {"width": 0},
    }
