"""Any figure as SVG text, the same bytes for the same figure."""

from __future__ import annotations

from collections.abc import Mapping

from perceptron.figure import BarFigure, DotFigure, Figure, LineFigure
from perceptron.report.charts.as_svg.bars import draw_bars
from perceptron.report.charts.as_svg.dots import draw_dots
from perceptron.report.charts.as_svg.lines import draw_lines
from perceptron.report.charts.as_svg.phase_map import draw_map
from perceptron.report.charts.palette import Stroke, strokes


def draw(figure: Figure | None, looks: Mapping[str, Stroke] | None = None) -> str:
    """Return the figure as SVG; "" where there is none. ``looks`` are those of a whole site."""
    if isinstance(figure, LineFigure):
        names = [line.backend for line in figure.lines] + [note.backend for note in figure.notes]
        return draw_lines(figure, looks or strokes(names))
    if isinstance(figure, BarFigure):
        return draw_bars(figure, looks or strokes(figure.rows))
    if isinstance(figure, DotFigure):
        return draw_dots(figure, looks or strokes(dot.backend for dot in figure.dots))
    return "" if figure is None else draw_map(figure, looks or strokes(figure.backends))
