"""Bars of backends, their parts end to end, for plotly."""

from __future__ import annotations

from perceptron.figure import BarFigure
from perceptron.report.charts import plot
from perceptron.report.charts.plot import ViewFigure
from perceptron.untrusted_text import for_plotly


def draw_bars(figure: BarFigure, looks: plot.Looks) -> ViewFigure:
    """Return the figure with a trace for each part, of all backends."""
    return ViewFigure(
        alt=figure.alt,
        caption=figure.caption,
        height=figure.height,
        data=[
            {
                "type": "bar",
                "orientation": "h",
                "name": for_plotly(part),
                "y": [for_plotly(bar.backend) for bar in own],
                "x": [bar.length for bar in own],
                "marker": {
                    "color": [f"{looks[bar.backend].colour}/{shade:.2f}" for bar in own],
                    "line": {"color": "--paper", "width": 1},
                },
                "text": [for_plotly(bar.text, 300) for bar in own],
                "textposition": "none",
                "hoverinfo": "text",
            }
            for part, shade in figure.shades().items()
            for own in [[bar for bar in figure.bars if bar.part == part]]
        ],
        layout={
            "barmode": "stack",
            "legend": {"traceorder": "normal"},
            "xaxis": {"title": {"text": figure.x_title}, "rangemode": "tozero"},
            "yaxis": {"type": "category", "autorange": "reversed", "showgrid": False},
        },
    )
