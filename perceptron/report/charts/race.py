"""The figure of a race: what the held-out part showed over seconds, a band for each backend."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import floor, log

from perceptron.analysis.race.curves import RaceCurve, RacePoint, race_curves
from perceptron.analysis.race.result import RaceResult, RaceStart
from perceptron.figure import Axis, Line, LineFigure, Stretch, log_axis
from perceptron.numbers import digits, duration, percent, tick

# Markers that a line has room for; a training may be looked at hundreds of times.
_MARKERS = 40
_TENTHS = 10
# Of the axis below its first tick, so that a mark there is whole.
_BELOW = 0.03
_TITLES = {
    "fresh": "seconds since the process began",
    "resident": "seconds of training",
}


def race_figure(result: RaceResult, start: RaceStart, dtype: str) -> LineFigure | None:
    """Return the curves of all backends in one dtype; None where none of them raced."""
    rows = [row for row in result.rows if row.dtype == dtype]
    goal = result.target.goal
    curves = race_curves(rows, start, goal)
    # A time of 0, which only a broken clock gives, has no place on this axis.
    lines = [line for curve in curves if (line := _line(curve, goal)) is not None]
    if not lines:
        return None
    y = _shares(lines, result.target.value) if goal == "accuracy" else _losses(lines, result)
    ends = (result.target.value, y.high) if goal == "accuracy" else (y.low, result.target.value)
    what = f"held-out {goal}"
    return LineFigure(
        alt=f"{what} of {result.problem} over {_TITLES[start]}, logarithmic, {dtype}: "
        + "; ".join(f"{line.label} {line.texts[-1]}" for line in lines),
        caption=f"Each mark is a look at the held-out part; bands reach from the lowest to the "
        f"highest of the seeds, and lines are their medians. Grey: {result.target} is reached.",
        height=440,
        x=log_axis([x for line in lines for x in line.x], tick, 10, _TITLES[start]),
        y=y,
        lines=tuple(lines),
        stretches=(Stretch("y", *ends, "interval"),),
    )


def _line(curve: RaceCurve, goal: str) -> Line | None:
    points = _thinned([point for point in curve.points if point.seconds > 0])
    if goal == "loss":
        points = [point for point in points if point.low > 0]
    if not points:
        return None
    return Line(
        backend=curve.competitor.backend,
        label=curve.competitor.backend,
        x=tuple(point.seconds for point in points),
        y=tuple(point.value for point in points),
        low=tuple(point.low for point in points),
        high=tuple(point.high for point in points),
        texts=tuple(_text(point, goal) for point in points),
    )


def _text(point: RacePoint, goal: str) -> str:
    shown = percent(point.value) if goal == "accuracy" else digits(point.value)
    return f"{shown} after {duration(point.seconds)}, {digits(point.epochs)} epochs"


def _thinned(points: Sequence[RacePoint]) -> list[RacePoint]:
    """Return the first and the last point, and between them some that lie well apart."""
    if len(points) <= _MARKERS:
        return list(points)
    step = log(points[-1].seconds / points[0].seconds) / _MARKERS
    kept = [points[0]]
    for point, after in pairwise(points[1:]):
        if log(after.seconds / kept[-1].seconds) > step:
            kept.append(point)
    return [*kept, points[-1]]


def _shares(lines: Sequence[Line], target: float) -> Axis:
    """Return an axis of shares, from the lowest tenth that any of them needs up to 1."""
    lowest = min((*(end for line in lines for end in line.low if end is not None), target))
    first = floor(_TENTHS * min(lowest, 0.9))
    ticks = [tenth / _TENTHS for tenth in range(first, _TENTHS + 1)]
    return Axis(
        title="held-out accuracy",
        low=ticks[0] - _BELOW,
        high=1.0,
        ticks=tuple((value, percent(value, 0)) for value in ticks),
        is_linear=True,
    )


def _losses(lines: Sequence[Line], result: RaceResult) -> Axis:
    values = [end for line in lines for end in (*line.low, *line.high) if end is not None]
    return log_axis([*values, result.target.value], digits, 10, "held-out loss")
