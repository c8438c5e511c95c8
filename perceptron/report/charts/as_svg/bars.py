"""Bars of backends, their parts end to end, as SVG."""

from __future__ import annotations

from collections.abc import Mapping

from perceptron.figure import BarFigure
from perceptron.report.charts.palette import Stroke
from perceptron.report.charts.style import INCH, drawing, svg
from perceptron.untrusted_text import for_matplotlib


def draw_bars(figure: BarFigure, looks: Mapping[str, Stroke]) -> str:
    """Return the figure as SVG, the same bytes for the same figure; each part has its name."""
    with drawing(7.2, figure.height / INCH) as (canvas, axes):
        shades = figure.shades()
        for row, backend in enumerate(figure.rows):
            left = 0.0
            for bar in figure.bars:
                if bar.backend != backend:
                    continue
                colour = looks[backend].colour
                axes.barh(row, bar.length, left=left, color=colour, alpha=shades[bar.part])
                if bar.length:
                    middle = left + bar.length / 2
                    axes.text(middle, row, for_matplotlib(bar.part), ha="center", va="center")
                left += bar.length
        axes.set_yticks(range(len(figure.rows)), [for_matplotlib(name) for name in figure.rows])
        axes.invert_yaxis()
        axes.set_xlabel(figure.x_title)
        return svg(canvas)
