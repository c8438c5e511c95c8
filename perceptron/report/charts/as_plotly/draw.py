"""Any figure for plotly."""

from __future__ import annotations

from perceptron.figure import BarFigure, DotFigure, Figure, LineFigure
from perceptron.report.charts import plot
from perceptron.report.charts.as_plotly.bars import draw_bars
from perceptron.report.charts.as_plotly.dots import draw_dots
from perceptron.report.charts.as_plotly.lines import draw_lines
from perceptron.report.charts.as_plotly.phase_map import draw_map


def draw(figure: Figure | None, looks: plot.Looks) -> list[plot.ViewFigure]:
    """Return the figure as a page of views takes it; nothing where there is none."""
    if isinstance(figure, LineFigure):
        return [draw_lines(figure, looks)]
    if isinstance(figure, BarFigure):
        return [draw_bars(figure, looks)]
    if isinstance(figure, DotFigure):
        return [draw_dots(figure, looks)]
    return [] if figure is None else [draw_map(figure, looks)]
