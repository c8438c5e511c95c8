"""A figure as SVG text, for README, the documentation and pages without a script.

The same figure gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import log

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colorbar import make_axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure as Canvas
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter, NullLocator

from perceptron.figure import (
    MOST_MARKERS,
    Axis,
    BarFigure,
    Cell,
    Dot,
    DotFigure,
    Figure,
    Line,
    LineFigure,
    MapFigure,
    Note,
    Region,
)
from perceptron.report.charts.palette import MACHINES, Stroke, strokes
from perceptron.report.charts.style import INCH, drawing, svg
from perceptron.untrusted_text import for_matplotlib

Array = npt.NDArray[np.float64]

_INK, _LINE_INK, _SOFT = "#222222", "#333333", "#555555"
_DOTTED = (0, (1, 2))
# How far apart the markers of a line of many points are: a share of the figure's diagonal.
_MARKER_EVERY = 0.025
# Of a label to the end of its bar, in points, and how its text is aligned there.
_SIDES = {
    "left": ((-9, 0), "right", "center"),
    "right": ((9, 0), "left", "center"),
    "above": ((0, 8), "center", "bottom"),
}
_TIE_COLOUR = "#cccccc"
_NOTHING_COLOUR = "#ffffff"
# How much of a colour the narrowest victory has: enough to tell its hue.
_FAINTEST = 0.2
# Of a bar, whose part is named on it.
_BEHIND_TEXT = 0.55


def draw(figure: Figure | None, looks: Mapping[str, Stroke] | None = None) -> str:
    """Return the figure as SVG; "" where there is none. ``looks`` are those of a whole site."""
    if figure is None:
        return ""
    with _drawn(figure, looks) as canvas:
        return svg(canvas)


def plotted(figure: Figure) -> Canvas:
    """Return the figure as one of matplotlib."""
    with _drawn(figure) as canvas:
        return canvas


@contextmanager
def _drawn(figure: Figure, looks: Mapping[str, Stroke] | None = None) -> Iterator[Canvas]:
    with drawing(7.2, figure.height / INCH) as (canvas, axes):
        match figure:
            case LineFigure():
                names = [line.backend for line in figure.lines]
                names += [note.backend for note in figure.notes]
                _lines(axes, figure, looks or strokes(names))
            case BarFigure():
                _bars(axes, figure)
            case DotFigure():
                _dots(axes, figure, looks or strokes(dot.backend for dot in figure.dots))
            case MapFigure():
                _map(axes, figure, looks or strokes(figure.backends))
        yield canvas


# --- lines over two axes --------------------------------------------------------------------------


def _lines(axes: Axes, figure: LineFigure, looks: Mapping[str, Stroke]) -> None:
    axes.set_xscale("log")
    axes.set_yscale("linear" if figure.y.is_linear else "log")
    for stretch in figure.stretches:
        _stretch(axes, stretch.axis, stretch.low, stretch.high, stretch.kind)
    for line in figure.lines:
        look = looks[line.backend] if line.machine is None else MACHINES[line.machine]
        (_estimated if line.estimated else _measured)(axes, line, look)
    if figure.limit:
        axes.plot(*zip(*figure.limit, strict=True), color=_LINE_INK, linewidth=1.5)
    for mark in figure.marks:
        axes.axvline(mark.x, color=_LINE_INK, linewidth=1, linestyle=":")
        if mark.label:
            left = mark.is_labelled_left(figure.x)
            axes.annotate(
                for_matplotlib(mark.label),
                (mark.x, 0.02 + 0.07 * mark.level),
                xycoords=axes.get_xaxis_transform(),
                xytext=(-4 if left else 4, 0),
                ha="right" if left else "left",
                textcoords="offset points",
                fontsize=8.5,
                color=_LINE_INK,
            )
    for note in figure.notes:
        _note(axes, note, looks[note.backend].colour)
    _set_axis(axes, "x", figure.x)
    _set_axis(axes, "y", figure.y)
    if figure.legend:
        axes.legend(frameon=False, loc="best")


def _set_axis(axes: Axes, name: str, axis: Axis) -> None:
    """Give an axis its range, its title and the ticks of its description alone."""
    own = axes.xaxis if name == "x" else axes.yaxis
    (axes.set_xlim if name == "x" else axes.set_ylim)(axis.low, axis.high)
    (axes.set_xlabel if name == "x" else axes.set_ylabel)(for_matplotlib(axis.title, 120))
    own.set_ticks([value for value, _ in axis.ticks], [text for _, text in axis.ticks])
    own.set_minor_locator(NullLocator())
    own.set_minor_formatter(NullFormatter())


def _measured(axes: Axes, line: Line, look: Stroke) -> None:
    axes.plot(
        line.x,
        line.y,
        color=look.colour,
        dashes=look.dash or (None, None),
        marker=look.marker,
        markersize=4.5,
        markevery=_MARKER_EVERY if len(line.x) > MOST_MARKERS else None,
        label=for_matplotlib(line.label),
    )
    axes.fill_between(line.x, *line.band, color=look.colour, alpha=0.18, linewidth=0)


def _estimated(axes: Axes, line: Line, look: Stroke) -> None:
    axes.plot(
        line.x,
        line.y,
        color=look.colour,
        linewidth=1,
        linestyle=_DOTTED,
        label=for_matplotlib(line.label, 80),
    )
    low, high = line.band
    axes.fill_between(line.x, low, high, color=look.colour, alpha=0.05, linewidth=0)
    for end in (low, high):  # hatching of dots would be most of the file, and hide what is below
        axes.plot(line.x, end, color=look.colour, linewidth=0.6, linestyle=_DOTTED)


def _stretch(axes: Axes, axis: str, low: float, high: float, kind: str) -> None:
    span = axes.axvspan if axis == "x" else axes.axhspan
    if kind == "undecided":
        span(
            low / 1.05, high * 1.05, facecolor="none", edgecolor="#bbbbbb", hatch="///", linewidth=0
        )
    else:
        span(low, high, color=_LINE_INK, alpha=0.12, linewidth=0)


def _note(axes: Axes, note: Note, colour: str) -> None:
    axes.text(
        0.99 if note.right else 0.01,
        0.97 if note.top else 0.03,
        for_matplotlib(note.text, 80),
        transform=axes.transAxes,
        ha="right" if note.right else "left",
        va="top" if note.top else "bottom",
        fontsize=8.5,
        color=colour,
    )


# --- times as dots in rows ------------------------------------------------------------------------


def _dots(axes: Axes, figure: DotFigure, looks: Mapping[str, Stroke]) -> None:
    axes.set_xscale("log")
    for dot in figure.dots:
        _dot(axes, dot, looks[dot.backend])
    for row, reason in figure.absent:
        axes.text(
            0.01,
            row,
            for_matplotlib(reason, 80),
            transform=axes.get_yaxis_transform(),
            va="center",
            color="#666666",
            style="italic",
        )
    axes.set_yticks(range(len(figure.rows)), [_in_lines(name) for name in figure.rows])
    axes.set_ylim(len(figure.rows) - 0.45, -0.6)
    axes.grid(False, axis="y")
    _set_axis(axes, "x", figure.x)
    axes.set_title(figure.key, loc="left", fontsize=8.5, color=_SOFT)


def _dot(axes: Axes, dot: Dot, look: Stroke) -> None:
    if dot.published:
        axes.plot(
            dot.seconds,
            dot.row,
            marker="o",
            markersize=9,
            markerfacecolor="white",
            markeredgecolor=look.colour,
            markeredgewidth=1.8,
            linestyle="none",
            zorder=4,
        )
    else:
        axes.errorbar(
            dot.seconds,
            dot.row,
            xerr=[[dot.seconds - dot.low], [dot.high - dot.seconds]],
            fmt="o",
            markersize=9,
            capsize=4,
            color=look.colour,
        )
    offset, across, up = _SIDES[dot.side]
    ends = {"left": dot.low, "right": dot.high, "above": dot.seconds}
    axes.annotate(
        _in_lines(dot.label),
        (ends[dot.side], dot.row),
        xytext=offset,
        textcoords="offset points",
        ha=across,
        va=up,
        color=_SOFT if dot.published else _INK,
        linespacing=1.0,
    )


def _in_lines(text: str) -> str:
    return "\n".join(for_matplotlib(line) for line in text.split("\n"))


# --- bars, their parts end to end -----------------------------------------------------------------


def _bars(axes: Axes, figure: BarFigure) -> None:
    for row, backend in enumerate(figure.rows):
        left = 0.0
        for bar in figure.bars:
            if bar.backend != backend:
                continue
            colour = MACHINES[figure.parts.index(bar.part) % len(MACHINES)].colour
            axes.barh(row, bar.length, left=left, color=colour, alpha=_BEHIND_TEXT)
            if bar.length:
                middle = left + bar.length / 2
                axes.text(middle, row, for_matplotlib(bar.part), ha="center", va="center")
            left += bar.length
    axes.set_yticks(range(len(figure.rows)), [for_matplotlib(name) for name in figure.rows])
    axes.invert_yaxis()
    axes.set_xlabel(figure.x_title)


# --- a phase map ----------------------------------------------------------------------------------


def _map(axes: Axes, figure: MapFigure, looks: Mapping[str, Stroke]) -> None:
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
    _measured_cells(axes, figure)
    for region in figure.regions:
        _name_region(axes, figure, region)
    _map_axes(axes, figure)
    if figure.backends:
        _legend(axes, figure, looks)
    axes.set_title(figure.key, loc="left", fontsize=8.5, color=_SOFT)


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


def _measured_cells(axes: Axes, figure: MapFigure) -> None:
    """Draw a dot in each measured cell, open where the interval of its ratio contains 1."""
    for decided in (True, False):
        # From left to right, each column from below.
        points = sorted(figure.measured(decided))
        axes.plot(
            [figure.x_values[x] for x, _ in points],
            [figure.y_values[y] for _, y in points],
            marker="o",
            markersize=2.6,
            linestyle="none",
            color=_INK,
            markerfacecolor=_INK if decided else "white",
            markeredgewidth=0.6,
            alpha=0.75,
        )


def _name_region(axes: Axes, figure: MapFigure, region: Region) -> None:
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


def _map_axes(axes: Axes, figure: MapFigure) -> None:
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
    scale.set_title("faster than\nthe next", loc="left", fontsize=8.5, color=_SOFT)
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
