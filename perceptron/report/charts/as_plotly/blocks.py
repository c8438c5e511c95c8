"""A comparison block by block, for plotly."""

from __future__ import annotations

from typing import Any

from perceptron.figure import BlockDot, BlocksFigure
from perceptron.report.charts.plot import Trace, ViewFigure
from perceptron.untrusted_text import for_plotly

_LINE = {"width": 2, "color": "--link"}


def draw_blocks(figure: BlocksFigure) -> ViewFigure:
    """Return the figure with a trace for each stage; the axis is in per cent."""
    stages = [
        ("screen", "circle-open", [dot for dot in figure.dots if not dot.confirms]),
        ("confirmation", "circle", [dot for dot in figure.dots if dot.confirms]),
    ]
    return ViewFigure(
        alt=figure.alt,
        caption=figure.caption,
        height=figure.height,
        data=[_trace(name, symbol, dots) for name, symbol, dots in stages if dots],
        layout={
            "xaxis": {"title": {"text": "block"}, "dtick": _step(len(figure.dots)), "tick0": 0},
            "yaxis": {
                "title": {"text": "change from BASE to HEAD"},
                "ticksuffix": "%",
                "rangemode": "tozero",
                "zeroline": True,
                "zerolinecolor": "--soft",
                "zerolinewidth": 2,
            },
            "shapes": _estimate(figure),
        },
    )


def _step(dots: int) -> int:
    return next((step for step in (1, 2, 5, 10, 20, 50) if dots <= 12 * step), 100)


def _trace(name: str, symbol: str, dots: list[BlockDot]) -> Trace:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": [dot.at for dot in dots],
        "y": [100 * dot.change for dot in dots],
        "marker": {"color": "--link", "symbol": symbol, "size": 9, "line": _LINE},
        "hovertext": [for_plotly(dot.text, 300) for dot in dots],
        "hoverinfo": "text",
        "showlegend": True,
    }


def _estimate(figure: BlocksFigure) -> list[dict[str, Any]]:
    if figure.change is None or figure.low is None or figure.high is None:
        return []
    across = {"xref": "paper", "yref": "y", "x0": 0, "x1": 1, "layer": "below"}
    low, middle, high = (100 * end for end in (figure.low, figure.change, figure.high))
    return [
        across
        | {"type": "rect", "y0": low, "y1": high, "fillcolor": "--ink/0.1", "line": {"width": 0}},
        across
        | {"type": "line", "y0": middle, "y1": middle, "line": {"color": "--ink", "width": 1}},
    ]
