"""Where the log-ratio of a pair is zero, and how sure that is.

Between two sizes the log-ratio is taken to be linear in the logarithm of the size; a crossover is
its zero. Its interval holds every size at which the interval of the interpolated trimmed mean
contains zero, which is how Fieller (1954) inverts a test, widened by what the neighbouring sizes
say against a straight line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp, hypot
from typing import Literal

import numpy as np
import numpy.typing as npt

from perceptron.analysis.crossover.points import Point, slope
from perceptron.analysis.interval import CONFIDENCE, Array, quantile, trimmed

# Steps between two sizes when an interval is read off.
_STEPS = 200
# A bend counts where it is larger than so many standard errors.
_SURE_BEND = 2.0


@dataclass(frozen=True)
class ZeroCrossing:
    """A change of winner: at ``size``, between the two measured sizes of ``bracket``.

    ``low`` and ``high`` are the 95 % interval, None where it is open on that side or where only
    one process was seen. ``direction`` says who wins from there up.
    """

    size: float
    low: float | None
    high: float | None
    bracket: tuple[float, float]
    direction: Literal["challenger", "incumbent"]


def zero_crossings(points: Sequence[Point]) -> list[ZeroCrossing]:
    """Return every change of winner between two sure sizes without a sure size in between."""
    sure = [index for index, point in enumerate(points) if point.sign]
    return [
        _zero(points, left, right)
        for left, right in pairwise(sure)
        if points[left].sign != points[right].sign
    ]


def _zero(points: Sequence[Point], first: int, last: int) -> ZeroCrossing:
    """Locate the crossing between two sure points; of several sign changes, the middle one.

    The interval then spans all of them.
    """
    indices = [
        index
        for index in range(first, last)
        if points[index].mean != 0
        and (
            points[index + 1].mean == 0 or (points[index].mean > 0) != (points[index + 1].mean > 0)
        )
    ]
    index = indices[len(indices) // 2]
    low, _ = _interval(points, indices[0])
    _, high = _interval(points, indices[-1])
    return ZeroCrossing(
        size=exp(_crossing(points[index], points[index + 1])),
        low=low,
        high=high,
        bracket=(points[index].size, points[index + 1].size),
        direction="challenger" if points[first].sign > 0 else "incumbent",
    )


def _crossing(left: Point, right: Point) -> float:
    """Return the logarithm of the size at which the line between two points is zero."""
    weight = left.mean / (left.mean - right.mean)
    return (1 - weight) * left.x + weight * right.x


def _interval(points: Sequence[Point], index: int) -> tuple[float | None, float | None]:
    if any(point.count < 2 for point in points[index : index + 2]):
        return None, None
    zero = _crossing(points[index], points[index + 1])
    below, above = _bend(points, index, zero)
    low = _walk(points, index, zero, step=-1)
    high = _walk(points, index, zero, step=1)
    return (
        None if low is None else exp(zero - hypot(zero - low, below)),
        None if high is None else exp(zero + hypot(high - zero, above)),
    )


def _walk(points: Sequence[Point], index: int, zero: float, step: int) -> float | None:
    """Return the logarithm of the last size, away from ``zero``, whose interval contains zero.

    None where every interval up to the last size measured does.
    """
    last = zero
    while 0 <= index < len(points) - 1:
        left, right = points[index], points[index + 1]
        weights = np.linspace(0.0, 1.0, _STEPS + 1)
        where = (1 - weights) * left.x + weights * right.x
        inside = _contains_zero(left, right, weights)
        beyond = where > zero if step > 0 else where < zero
        for x, within in list(zip(where[beyond], inside[beyond], strict=True))[::step]:
            if not within:
                return last
            last = float(x)
        index += step
    return None


def _contains_zero(left: Point, right: Point, weights: Array) -> npt.NDArray[np.bool_]:
    """Return whether the ratio's interval contains zero, by weight of ``right``."""
    common = [process for process in left.processes if process in set(right.processes)]
    if len(common) >= max(2, min(left.count, right.count, 5)):
        # A process that was slow at one size tends to be slow at the next: keep them together.
        left_ratios, right_ratios = (
            np.array([dict(zip(p.processes, p.ratios, strict=True))[process] for process in common])
            for p in (left, right)
        )
        middle, error, freedom = trimmed(
            np.outer(1 - weights, left_ratios) + np.outer(weights, right_ratios)
        )
        inside: npt.NDArray[np.bool_] = np.abs(middle) <= error * quantile(freedom, CONFIDENCE)
        return inside
    middle = (1 - weights) * left.mean + weights * right.mean
    reach = (1 - weights) * left.reach(CONFIDENCE) + weights * right.reach(CONFIDENCE)
    return np.abs(middle) <= reach


def _bend(points: Sequence[Point], index: int, zero: float) -> tuple[float, float]:
    """Return how far below and above the zero may lie if the ratio bends between two sizes.

    A curve that bends one way lies between its chord and the prolonged chords beside it; a step
    lies anywhere between the two sizes. Bends that noise may have made do not count.
    """
    left, right = points[index], points[index + 1]
    shifted = [zero]
    if index > 0:
        shifted.append(_prolonged(points[index - 1], left, right, zero))
    if index + 2 < len(points):
        shifted.append(_prolonged(points[index + 2], right, left, zero))
    return zero - min(shifted), max(shifted) - zero


def _prolonged(outer: Point, near: Point, far: Point, zero: float) -> float:
    """Return the zero of the line through ``outer`` and ``near``, between ``near`` and ``far``."""
    pace = slope(outer, near)
    ahead = far.x - near.x
    ratio = ahead / (near.x - outer.x)
    error = hypot(far.error, near.error * (1 + ratio), outer.error * ratio)
    if abs(near.mean + pace * ahead - far.mean) <= _SURE_BEND * error:
        return zero
    if pace * ahead * near.mean >= 0:  # it leads away from zero
        return far.x
    reached = near.x - near.mean / pace
    return reached if abs(reached - near.x) < abs(ahead) else far.x
