"""Times as dots in rows over one logarithmic axis, for plotly."""

from __future__ import annotations

from math import log10
from textwrap import wrap
from typing import Any

from perceptron.figure import Dot, DotFigure
from perceptron.report.charts import plot
from perceptron.report.charts.plot import Look, Trace, ViewFigure
from perceptron.untrusted_text import for_plotly, shortened

# Of a label to its dot or the end of its bar, in pixels, and which edge of the text stands there.
_ABOVE = {"yshift": 7, "xanchor": "center", "yanchor": "bottom", "align": "center"}
_RIGHT = {"xshift": 9, "xanchor": "left", "yanchor": "middle", "align": "left"}
# Characters of a line that a narrow screen has room for beside the names of the rows.
_NARROW = 30


def draw_dots(figure: DotFigure, looks: plot.Looks) -> ViewFigure:
    """Return the figure with a trace for each dot; labels are annotations."""
    return ViewFigure(
        alt=figure.alt,
        caption=figure.caption,
        height=figure.height,
        data=[_trace(dot, looks[dot.backend]) for dot in figure.dots],
        layout={
            "xaxis": plot.axis(figure.x),
            "yaxis": {
                # Numbers, because two long names may be equal once they are shortened.
                "tickvals": list(range(len(figure.rows))),
                "ticktext": [_text(name) for name in figure.rows],
                "range": [len(figure.rows) - 0.45, -0.6],
                "showgrid": False,
                "zeroline": False,
            },
            "annotations": [
                *map(_label, figure.dots),
                *(_absent(row, reason) for row, reason in figure.absent),
            ],
            "showlegend": False,
        },
    )


def _trace(dot: Dot, look: Look) -> Trace:
    marker = {"color": look.colour, "symbol": look.symbol, "size": 12}
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


def _label(dot: Dot) -> dict[str, Any]:
    """Return a label right of its bar or above its dot: left of it are names on a narrow screen."""
    is_right = dot.side == "right"
    return {
        "xref": "x",
        "yref": "y",
        "x": log10(dot.high if is_right else dot.seconds),
        "y": dot.row,
        "text": _text(dot.label),
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
        "text": _text("\n".join(wrap(shortened(reason), _NARROW))),
        "showarrow": False,
        "font": {"color": "--soft"},
    }


def _text(lines: str) -> str:
    return "<br>".join(for_plotly(line) for line in lines.split("\n"))
