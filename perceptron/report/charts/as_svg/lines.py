"""Lines over two axes, as SVG."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter, NullLocator

from perceptron.figure import Axis, Line, LineFigure, Note
from perceptron.report.charts.palette import MACHINES, Stroke
from perceptron.report.charts.style import INCH, drawing, svg
from perceptron.untrusted_text import for_matplotlib

_INK = "#333333"
_DOTTED = (0, (1, 2))


def draw_lines(figure: LineFigure, looks: Mapping[str, Stroke]) -> str:
    """Return the figure as SVG, the same bytes for the same figure."""
    with drawing(7.2, figure.height / INCH) as (canvas, axes):
        axes.set_xscale("log")
        axes.set_yscale("linear" if figure.y.is_linear else "log")
        for stretch in figure.stretches:
            _stretch(axes, stretch.axis, stretch.low, stretch.high, stretch.kind)
        for line in figure.lines:
            look = looks[line.backend] if line.machine is None else MACHINES[line.machine]
            (_estimated if line.estimated else _measured)(axes, line, look)
        if figure.limit:
            axes.plot(*zip(*figure.limit, strict=True), color=_INK, linewidth=1.5)
        for mark in figure.marks:
            axes.axvline(mark.x, color=_INK, linewidth=1, linestyle=":")
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
                    color=_INK,
                )
        for note in figure.notes:
            _note(axes, note, looks[note.backend].colour)
        set_axis(axes, "x", figure.x)
        set_axis(axes, "y", figure.y)
        if figure.legend:
            axes.legend(frameon=False, loc="best")
        return svg(canvas)


def set_axis(axes: Axes, name: str, axis: Axis) -> None:
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
        label=for_matplotlib(line.label),
    )
    axes.fill_between(line.x, *_band(line), color=look.colour, alpha=0.18, linewidth=0)


def _estimated(axes: Axes, line: Line, look: Stroke) -> None:
    axes.plot(
        line.x,
        line.y,
        color=look.colour,
        linewidth=1,
        linestyle=_DOTTED,
        label=for_matplotlib(line.label, 80),
    )
    low, high = _band(line)
    axes.fill_between(line.x, low, high, color=look.colour, alpha=0.05, linewidth=0)
    for end in (low, high):  # hatching of dots would be most of the file, and hide what is below
        axes.plot(line.x, end, color=look.colour, linewidth=0.6, linestyle=_DOTTED)


def _band(line: Line) -> tuple[list[float], list[float]]:
    """Return the lower and the upper edge; an end that is not known is at the value itself."""
    low = [value if end is None else end for value, end in zip(line.y, line.low, strict=True)]
    high = [value if end is None else end for value, end in zip(line.y, line.high, strict=True)]
    return low, high


def _stretch(axes: Axes, axis: str, low: float, high: float, kind: str) -> None:
    span = axes.axvspan if axis == "x" else axes.axhspan
    if kind == "unsure":
        span(
            low / 1.05, high * 1.05, facecolor="none", edgecolor="#bbbbbb", hatch="///", linewidth=0
        )
    else:
        span(low, high, color=_INK, alpha=0.12, linewidth=0)


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
