"""A time as a dot on a logarithmic axis, with its value beside it: measured, or published."""

from __future__ import annotations

from matplotlib.axes import Axes

from perceptron.report.charts.palette import Stroke

_INK, _SOFT = "#222222", "#555555"


def published(axes: Axes, place: int, seconds: float, look: Stroke, text: str) -> None:
    """An open dot."""
    axes.plot(
        seconds,
        place,
        marker="o",
        markersize=9,
        markerfacecolor="white",
        markeredgecolor=look.colour,
        markeredgewidth=1.8,
        linestyle="none",
    )
    _label(axes, place, seconds, text, _SOFT)


def measured(
    axes: Axes,
    place: int,
    interval: tuple[float | None, float, float | None],
    look: Stroke,
    text: str,
    left: bool = False,
) -> None:
    """A filled dot with a bar from the lower to the upper end; the text ``left`` of it or right."""
    low, seconds, high = interval
    axes.errorbar(
        seconds,
        place,
        xerr=[[seconds - (low or seconds)], [(high or seconds) - seconds]],
        fmt="o",
        markersize=9,
        capsize=4,
        color=look.colour,
    )
    _label(axes, place, seconds, text, _INK, left)


def _label(
    axes: Axes, place: int, seconds: float, text: str, colour: str, left: bool = False
) -> None:
    axes.annotate(
        text,
        (seconds, place),
        xytext=(-9 if left else 9, 0),
        textcoords="offset points",
        ha="right" if left else "left",
        va="center",
        color=colour,
    )
