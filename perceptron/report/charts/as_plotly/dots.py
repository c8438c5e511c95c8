"""Times as dots in rows over one logarithmic axis, for plotly."""

from __future__ import annotations

from math import log10
from typing import Any

from perceptron.report.charts import plot
from perceptron.report.charts.figure import Dot, DotFigure
from perceptron.report.charts.plot import Look, Trace, ViewFigure
from perceptron.untrusted_text import for_plotly

# Of a label to the end of its bar, in pixels, and which edge of the text stands there.
_SIDES = {
    "left": {"xshift": -9, "xanchor": "right", "yanchor": "middle", "align": "right"},
    "right": {"xshift": 9, "xanchor": "left", "yanchor": "middle", "align": "left"},
    "above": {"yshift": 7, "xanchor": "center", "yanchor": "bottom", "align": "center"},
}


def draw_dots(figure: DotFigure, looks: plot.Looks) -> ViewFigure:
    """Return the figure with a trace for each dot; labels are annotations."""
    names = [_text(name) for name in figure.rows]
    absent = [_absent(names[row], reason) for row, reason in figure.absent]
    return ViewFigure(
        alt=figure.alt,
        caption=figure.caption,
        height=figure.height,
        data=[_trace(dot, names[dot.row], looks[dot.backend]) for dot in figure.dots],
        layout={
            "xaxis": plot.axis(figure.x),
            "yaxis": {
                "type": "category",
                "dtick": 1,  # every name, however many there are
                "categoryorder": "array",
                "categoryarray": names[::-1],
                "range": [-0.55, len(names) - 0.4],
                "showgrid": False,
            },
            "annotations": [*(_label(dot, names[dot.row]) for dot in figure.dots), *absent],
            "showlegend": False,
        },
    )


def _trace(dot: Dot, name: str, look: Look) -> Trace:
    marker = {"color": look.colour, "symbol": look.symbol, "size": 12}
    trace: Trace = {
        "type": "scatter",
        "mode": "markers",
        "x": [dot.seconds],
        "y": [name],
        "marker": marker,
        "hovertext": [for_plotly(dot.text, 300)],
        "hoverinfo": "text",
    }
    if dot.published:
        marker["symbol"] = f"{look.symbol}-open"
        return trace
    return trace | {
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [dot.high - dot.seconds],
            "arrayminus": [dot.seconds - dot.low],
            "color": look.colour,
        }
    }


def _label(dot: Dot, name: str) -> dict[str, Any]:
    ends = {"left": dot.low, "right": dot.high, "above": dot.seconds}
    return {
        "xref": "x",
        "yref": "y",
        "x": log10(ends[dot.side]),
        "y": name,
        "text": _text(dot.label),
        "showarrow": False,
        "font": {"color": "--soft" if dot.published else "--ink"},
        **_SIDES[dot.side],
    }


def _absent(name: str, reason: str) -> dict[str, Any]:
    return {
        "xref": "paper",
        "yref": "y",
        "x": 0,
        "y": name,
        "xanchor": "left",
        "text": for_plotly(reason, 80),
        "showarrow": False,
        "font": {"color": "--soft"},
    }


def _text(lines: str) -> str:
    return "<br>".join(for_plotly(line) for line in lines.split("\n"))
