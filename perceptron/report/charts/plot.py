"""What plotly's figures are made of: looks of backends, axes. Nothing but plain data.

Colours are names, ``--ink`` or ``--s3/0.2``, that the page's script looks up in its style sheet:
so one figure is drawn for light, for dark and for paper.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import log10
from typing import Any

from msgspec import Struct

from perceptron.figure import Axis
from perceptron.report.charts import palette
from perceptron.report.charts.palette import Stroke
from perceptron.untrusted_text import for_plotly

Trace = dict[str, Any]

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


class Look:
    """How a backend is drawn on every page: its index among the colours, its dash, its marker."""

    def __init__(self, index: int, stroke: Stroke, colours: str = "--s") -> None:
        self.colour = f"{colours}{index}"
        self.dash = ",".join(f"{length:g}px" for length in stroke.dash) or "solid"
        self.symbol = _SYMBOLS[stroke.marker]


Looks = Mapping[str, Look]
MACHINES = tuple(Look(index, stroke, "--m") for index, stroke in enumerate(palette.MACHINES))
"""How machines are drawn, where the lines of a figure are of one backend."""


def looks(strokes: Mapping[str, Stroke]) -> dict[str, Look]:
    """Return a look for each backend."""
    return {name: Look(index, stroke) for index, (name, stroke) in enumerate(strokes.items())}


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
