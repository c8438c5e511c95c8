"""A differential flame graph for plotly, which calls one that grows downwards an icicle."""

from __future__ import annotations

from perceptron.report.charts.figure import FlameFigure
from perceptron.report.charts.plot import ViewFigure
from perceptron.untrusted_text import for_plotly


def draw_flames(figure: FlameFigure) -> ViewFigure:
    """Return the figure as one trace, in the pages' colours for more and for less."""
    flames = figure.flames
    trace = {
        "type": "icicle",
        # Numbers: names are untrusted, and not unique.
        "ids": [str(index) for index in range(len(flames))],
        "parents": ["" if flame.parent is None else str(flame.parent) for flame in flames],
        "labels": [for_plotly(flame.label) for flame in flames],
        "values": [flame.width for flame in flames],
        "branchvalues": "total",
        "sort": False,
        "textinfo": "label",
        "hovertext": [
            "<br>".join(for_plotly(line, 200) for line in flame.text.split("\n"))
            for flame in flames
        ],
        "hoverinfo": "text",
        "tiling": {"orientation": "v", "pad": 0},
        "pathbar": {"visible": False},
        "marker": {
            "colors": [flame.growth for flame in flames],
            "colorscale": [[0, "--less"], [0.5, "--even"], [1, "--more"]],
            "cmin": -figure.most,
            "cmid": 0,
            "cmax": figure.most,
            "line": {"width": 1, "color": "--paper"},
        },
        "root": {"color": "--even"},
    }
    return ViewFigure(
        alt=figure.alt,
        caption=figure.caption,
        height=figure.height,
        data=[trace],
        layout={
            "margin": {"l": 2, "r": 2, "t": 4, "b": 4},
            "uniformtext": {"minsize": 10, "mode": "hide"},
        },
    )
