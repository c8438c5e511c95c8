"""The phase diagram as a figure: hue says who wins, intensity by how much."""

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
from scipy import ndimage

from perceptron.analysis.phase_map.phase_map import TIED, MapCell, PhaseMap
from perceptron.report.charts.palette import Stroke, strokes
from perceptron.report.charts.style import drawing, svg
from perceptron.report.numbers import digits
from perceptron.untrusted_text import for_matplotlib

Array = npt.NDArray[np.float64]

_TIE_COLOUR = "#cccccc"
_NOTHING_COLOUR = "#ffffff"
_INK = "#222222"
# How much of a colour the narrowest victory has: enough to tell its hue.
_FAINTEST = 0.2
# Ratios at which the colours may end; the first that nine cells in ten do not exceed is taken.
_TOPS = (2, 4, 8, 16, 32, 64)
# Share of the map from which on a region has room for its name.
_LABELLED = 0.03


def map_chart(found: PhaseMap) -> str:
    """The map as SVG, the same bytes for the same map.

    Both axes and the colours are logarithmic. Every region carries the name of its winner, so that
    nothing is told by colour alone.
    """
    top = top_ratio(found)
    with drawing(7.2, 5.0) as (figure, axes):
        axes.grid(False)
        axes.pcolormesh(
            _edges(found.x_values),
            _edges(found.y_values),
            _colours(found, top).transpose(1, 0, 2),
            linewidth=0,
            rasterized=False,
        )
        for border in found.borders:
            for line in border.lines:
                axes.plot(*zip(*line, strict=True), color=_INK, linewidth=1.6)
        _dots(axes, [cell for cell in found.cells if cell.measured])
        _names(axes, found)
        _axes(axes, found)
        if found.backends:
            _legend(axes, found.backends, top)
        axes.set_title(_key(found), loc="left", fontsize=8.5, color="#555555")
        return svg(figure)


def _edges(values: list[int]) -> Array:
    """Of the cells: halfway between their sizes, in logarithms."""
    logs = np.log(np.array(values, np.float64))
    steps = np.diff(logs) if len(logs) > 1 else np.array([log(2)])
    middles = logs[:-1] + steps[: len(logs) - 1] / 2
    edges: Array = np.exp([logs[0] - steps[0] / 2, *middles, logs[-1] + steps[-1] / 2])
    return edges


def top_ratio(found: PhaseMap) -> int:
    """The ratio at which the colours end: nine cells in ten do not exceed it, or 64."""
    ratios = [cell.ratio for cell in found.cells if cell.ratio is not None]
    wanted = float(np.quantile(ratios, 0.9)) if ratios else 1.0
    return next((top for top in _TOPS if top >= wanted), _TOPS[-1])


def _colours(found: PhaseMap, top: int) -> Array:
    """Red, green and blue of every cell, from 0 to 1: of shape (x, y, 3)."""
    shape = (len(found.x_values), len(found.y_values), 3)
    looks = strokes(found.backends)
    return np.array([_colour(cell, top, looks) for cell in found.cells]).reshape(shape)


def _colour(cell: MapCell, top: int, looks: Mapping[str, Stroke]) -> Array:
    if cell.winner is None or cell.winner == TIED:
        return np.array(to_rgb(_NOTHING_COLOUR if cell.winner is None else _TIE_COLOUR))
    return _shade(looks[cell.winner], top if cell.ratio is None else cell.ratio, top)


def _shade(look: Stroke, ratio: float, top: int) -> Array:
    strength = _FAINTEST + (1 - _FAINTEST) * min(1.0, log(ratio) / log(top))
    return 1 - strength * (1 - np.array(to_rgb(look.colour)))


def _dots(axes: Axes, measured: list[MapCell]) -> None:
    """A dot in each measured cell, open where the interval of its ratio contains 1."""
    for sure in (True, False):
        cells = [cell for cell in measured if is_sure(cell) == sure]
        axes.plot(
            [cell.x for cell in cells],
            [cell.y for cell in cells],
            marker="o",
            markersize=2.6,
            linestyle="none",
            color=_INK,
            markerfacecolor=_INK if sure else "white",
            markeredgewidth=0.6,
            alpha=0.75,
        )


def is_sure(cell: MapCell) -> bool:
    """Whether the interval of the cell's ratio leaves no doubt about the fastest."""
    return cell.ratio is None or (cell.low is not None and cell.low > 1)


def _names(axes: Axes, found: PhaseMap) -> None:
    """Names of the winners, each where its region is widest."""
    shape = (len(found.x_values), len(found.y_values))
    winners = np.array([cell.winner or "" for cell in found.cells]).reshape(shape)
    ratios = np.array([cell.ratio or 1.0 for cell in found.cells]).reshape(shape)
    for backend in found.backends:
        regions, count = ndimage.label(winners == backend)
        for number in range(1, count + 1):
            region = regions == number
            if region.mean() >= _LABELLED:
                _name(axes, found, backend, region, float(ratios[region].max()))


def _name(
    axes: Axes, found: PhaseMap, backend: str, region: npt.NDArray[np.bool_], most: float
) -> None:
    depth = ndimage.distance_transform_edt(np.pad(region, 1))[1:-1, 1:-1]
    deepest = np.argwhere(depth >= 0.9 * depth.max())
    middle = np.argwhere(region).mean(axis=0)
    x, y = deepest[((deepest - middle) ** 2).sum(axis=1).argmin()]
    shown = for_matplotlib(backend)
    axes.text(
        found.x_values[x],
        found.y_values[y],
        f"{shown}\nup to {digits(most, 2)}× faster" if most > 1 else shown,
        ha="center",
        va="center",
        color=_INK,
        fontweight="bold",
        fontsize=9.5,
        path_effects=[withStroke(linewidth=3, foreground="white")],
    )


def _axes(axes: Axes, found: PhaseMap) -> None:
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=2)
    axes.set_xlabel(found.axes[0])
    axes.set_ylabel(found.axes[1])
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(base=2, numticks=8))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axis.set_minor_formatter(NullFormatter())
        axis.set_minor_locator(NullLocator())


def _legend(axes: Axes, backends: list[str], top: int) -> None:
    """A scale of colours for each backend, side by side, with the ratios they stand for."""
    scale, _ = make_axes(
        axes,
        location="right",
        fraction=0.06 * len(backends),
        shrink=0.7,
        aspect=9 / len(backends),  # of height to width
    )
    ratios = np.exp(np.linspace(0.0, log(top), 65))
    looks = strokes(backends)
    shades = np.array(
        [[_shade(looks[name], ratio, top) for name in backends] for ratio in ratios[1:]]
    )
    scale.pcolormesh(np.arange(len(backends) + 1), ratios, shades, linewidth=0)
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


def _key(found: PhaseMap) -> str:
    told = ["dots: measured (open: winner not sure)"]
    if found.borders:
        told.append("lines: borders")
    if TIED in found.shares:
        told.append("grey: tie within ±5 %")
    if "unknown" in found.shares:
        told.append("white: nothing has a time")
    return "; ".join(told)
