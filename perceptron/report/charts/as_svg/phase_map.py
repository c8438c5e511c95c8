"""A phase map as SVG."""

from __future__ import annotations

from collections.abc import Mapping
from math import log

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colorbar import make_axes
from matplotlib.colors import to_rgb
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter, NullLocator

from perceptron.figure import Cell, MapFigure, Region
from perceptron.report.charts.palette import Stroke
from perceptron.report.charts.style import INCH, drawing, svg
from perceptron.untrusted_text import for_matplotlib

Array = npt.NDArray[np.float64]

_TIE_COLOUR = "#cccccc"
_NOTHING_COLOUR = "#ffffff"
_INK = "#222222"
# How much of a colour the narrowest victory has: enough to tell its hue.
_FAINTEST = 0.2


def draw_map(figure: MapFigure, looks: Mapping[str, Stroke]) -> str:
    """Return the map as SVG, the same bytes for the same map; axes and colours are logarithmic."""
    with drawing(7.2, figure.height / INCH) as (canvas, axes):
        axes.grid(False)
        axes.pcolormesh(
            _edges(figure.x_values),
            _edges(figure.y_values),
            np.array([[_colour(cell, looks) for cell in row] for row in figure.cells]),
            linewidth=0,
            rasterized=False,
        )
        for line in figure.borders:
            axes.plot(*zip(*line, strict=True), color=_INK, linewidth=1.6)
        _dots(axes, figure)
        for region in figure.regions:
            _name(axes, figure, region)
        _axes(axes, figure)
        if figure.backends:
            _legend(axes, figure, looks)
        axes.set_title(figure.key, loc="left", fontsize=8.5, color="#555555")
        return svg(canvas)


def _edges(values: tuple[int, ...]) -> Array:
    """Return the edges of the cells: halfway between their sizes, in logarithms."""
    logs = np.log(np.array(values, np.float64))
    steps = np.diff(logs) if len(logs) > 1 else np.array([log(2)])
    middles = logs[:-1] + steps[: len(logs) - 1] / 2
    edges: Array = np.exp([logs[0] - steps[0] / 2, *middles, logs[-1] + steps[-1] / 2])
    return edges


def _colour(cell: Cell, looks: Mapping[str, Stroke]) -> Array:
    if cell.backend is None:
        return np.array(to_rgb(_TIE_COLOUR if cell.tie else _NOTHING_COLOUR))
    return _shade(looks[cell.backend], cell.strength)


def _shade(look: Stroke, strength: float) -> Array:
    """Return red, green and blue, from 0 to 1."""
    share = _FAINTEST + (1 - _FAINTEST) * strength
    return 1 - share * (1 - np.array(to_rgb(look.colour)))


def _dots(axes: Axes, figure: MapFigure) -> None:
    """Draw a dot in each measured cell, open where the interval of its ratio contains 1."""
    for sure in (True, False):
        points = [
            (x, y)
            for x, column in zip(figure.x_values, zip(*figure.cells, strict=True), strict=True)
            for y, cell in zip(figure.y_values, column, strict=True)
            if cell.measured and cell.sure == sure
        ]
        axes.plot(
            [x for x, _ in points],
            [y for _, y in points],
            marker="o",
            markersize=2.6,
            linestyle="none",
            color=_INK,
            markerfacecolor=_INK if sure else "white",
            markeredgewidth=0.6,
            alpha=0.75,
        )


def _name(axes: Axes, figure: MapFigure, region: Region) -> None:
    lines = filter(None, (for_matplotlib(region.backend), region.detail))
    axes.text(
        figure.x_values[region.x],
        figure.y_values[region.y],
        "\n".join(lines),
        ha="center",
        va="center",
        color=_INK,
        fontweight="bold",
        fontsize=9.5,
        path_effects=[withStroke(linewidth=3, foreground="white")],
    )


def _axes(axes: Axes, figure: MapFigure) -> None:
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=2)
    axes.set_xlabel(for_matplotlib(figure.x_title))
    axes.set_ylabel(for_matplotlib(figure.y_title))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(base=2, numticks=8))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axis.set_minor_formatter(NullFormatter())
        axis.set_minor_locator(NullLocator())


def _legend(axes: Axes, figure: MapFigure, looks: Mapping[str, Stroke]) -> None:
    """Draw a scale of colours for each backend, side by side, with the ratios they stand for."""
    backends, top = figure.backends, figure.top
    scale, _ = make_axes(
        axes,
        location="right",
        fraction=0.06 * len(backends),
        shrink=0.7,
        aspect=9 / len(backends),  # of height to width
    )
    strengths = np.linspace(0.0, 1.0, 65)
    shades = [[_shade(looks[name], strength) for name in backends] for strength in strengths[1:]]
    ratios = np.exp(strengths * log(top))
    scale.pcolormesh(np.arange(len(backends) + 1), ratios, np.array(shades), linewidth=0)
    scale.set_yscale("log")
    ticks = [2**power for power in range(top.bit_length())]
    scale.yaxis.set_major_locator(FixedLocator(ticks))
    scale.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _factor(value, top)))
    scale.yaxis.set_minor_locator(NullLocator())
    scale.yaxis.tick_right()
    scale.set_title("faster than\nthe next", loc="left", fontsize=8.5, color="#555555")
    scale.set_xticks(
        np.arange(len(backends)) + 0.5,
        [for_matplotlib(name) for name in backends],
        rotation=90,
        fontsize=8.5,
    )
    scale.xaxis.tick_top()
    scale.tick_params(length=0)
    scale.grid(False)
    for spine in scale.spines.values():
        spine.set_visible(False)


def _factor(ratio: float, top: int) -> str:
    if round(ratio) == 1:
        return "equal"
    return f"{'≥ ' if ratio >= top else ''}{ratio:.0f}×"
