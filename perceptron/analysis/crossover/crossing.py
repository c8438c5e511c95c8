"""Where the log-ratio of a pair is zero, and how sure that is.

Between two sizes the log-ratio is taken to be linear in the logarithm of the size; a crossover is
its zero. Its interval holds every size at which the interval of the interpolated trimmed mean
contains zero, which is how Fieller (1954) inverts a test, widened by what the neighbouring sizes
say against a straight line.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import exp, hypot
from typing import Literal

import numpy as np
import numpy.typing as npt

from perceptron.analysis.crossover.points import Point, slope
from perceptron.analysis.interval import CONFIDENCE, Array, Interval, quantile, trimmed

# A bend counts where it is larger than so many standard errors.
_SURE_BEND = 2.0
# Between two sizes, where the interval is read off.
_STEPS = 200


class ZeroCrossing(Interval, frozen=True):
    """The size at which the winner changes, between the two measured sizes of ``bracket``.

    An end is None where the interval is open on that side, both where only one process was seen.
    ``direction`` is the winner from there up.
    """

    bracket: tuple[float, float]
    direction: Literal["challenger", "incumbent"]

    @property
    def ends(self) -> tuple[float, float]:
        """The ends of the interval, or of the bracket where the interval is open."""
        return self.low or self.bracket[0], self.high or self.bracket[1]


def zero_crossings(points: Sequence[Point]) -> list[ZeroCrossing]:
    """Return every change of winner between two decided sizes without one in between.

    Sizes that say nothing are passed over: a change is where the others put it.
    """
    points = [point for point in points if not point.says_nothing]
    decided = [index for index, point in enumerate(points) if point.sign]
    gaps = Gaps(points)
    return [
        _zero(points, gaps, left, right)
        for left, right in pairwise(decided)
        if points[left].sign != points[right].sign
    ]


def _zero(points: Sequence[Point], gaps: Gaps, first: int, last: int) -> ZeroCrossing:
    """Locate the crossing between two decided points; of several sign changes, the middle one.

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
    low = _end(points, gaps, indices[0], step=-1)
    high = _end(points, gaps, indices[-1], step=1)
    return ZeroCrossing(
        estimate=exp(_crossing(points[index], points[index + 1])),
        low=low,
        high=high,
        bracket=_bracket(points, index),
        direction="challenger" if points[first].sign > 0 else "incumbent",
    )


def _bracket(points: Sequence[Point], index: int) -> tuple[float, float]:
    """Return the sizes around a change: the next that are decided where files state intervals.

    Single values have no other interval that could say how far away the change may be.
    """
    left, right = index, index + 1
    while points[left].stated is not None and not points[left].sign:
        left -= 1
    while points[right].stated is not None and not points[right].sign:
        right += 1
    return points[left].size, points[right].size


def _crossing(left: Point, right: Point) -> float:
    """Return the logarithm of the size at which the line between two points is zero."""
    weight = left.mean / (left.mean - right.mean)
    return (1 - weight) * left.x + weight * right.x


def _end(points: Sequence[Point], gaps: Gaps, index: int, step: int) -> float | None:
    """Return the lower end of a crossing's interval for a ``step`` of −1, the upper for 1."""
    if any(point.count < 2 for point in points[index : index + 2]):
        return None
    zero = _crossing(points[index], points[index + 1])
    last = gaps.walk(index, zero, step)
    if last is None:
        return None
    return exp(zero + step * hypot(last - zero, _bend(points, index, zero, step)))


def _bend(points: Sequence[Point], index: int, zero: float, step: int) -> float:
    """Return how far from the zero, in one direction, it may lie if the ratio bends between sizes.

    A curve that bends one way lies between its chord and the prolonged chords beside it; a step
    lies anywhere between the two sizes. Bends that noise may have made do not count.
    """
    left, right = points[index], points[index + 1]
    shifted = [zero]
    if index > 0:
        shifted.append(_prolonged(points[index - 1], left, right, zero))
    if index + 2 < len(points):
        shifted.append(_prolonged(points[index + 2], right, left, zero))
    return max(step * (x - zero) for x in shifted)


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


class Gaps:
    """How far from a zero the interval of the interpolated trimmed mean contains zero.

    Gaps between neighbouring points go by the index of the point to their left. Walks from many
    zeros cross the same gaps: each gap is calculated once, and a walk steps over gaps whose every
    interval contains zero.
    """

    def __init__(self, points: Sequence[Point]) -> None:
        self._points = points
        self._weights = np.linspace(0.0, 1.0, _STEPS + 1)
        self._contain: dict[int, npt.NDArray[np.bool_]] = {}
        # By direction, from a gap all inside: a gap further on, with nothing but such between.
        self._further: dict[int, dict[int, int]] = {-1: {}, 1: {}}

    def walk(self, index: int, zero: float, step: int) -> float | None:
        """Return the logarithm of the last size, from ``zero`` on, whose interval contains zero.

        Of the gap at ``index`` and those beside it, upwards for a ``step`` of 1 and downwards for
        −1. None where every interval up to the last size measured does.
        """
        last = zero
        while self._exists(index):
            where, inside = self._logarithms(index), self._inside(index)
            beyond = where > zero if step > 0 else where < zero
            xs, contains = where[beyond][::step], inside[beyond][::step]
            count = len(xs) if contains.all() else int(contains.argmin())
            if count:
                last = float(xs[count - 1])
            if count < len(xs):
                return last
            index = self._first_open(index + step, step)
            last = self._points[index if step > 0 else index + 1].x
        return None

    def _exists(self, index: int) -> bool:
        return 0 <= index < len(self._points) - 1

    def _first_open(self, index: int, step: int) -> int:
        """Return the first gap, this or further on, with an interval that excludes zero."""
        further = self._further[step]
        passed = []
        while self._exists(index) and self._inside(index).all():
            passed.append(index)
            index = further.get(index, index + step)
        further.update(dict.fromkeys(passed, index))
        return index

    def _logarithms(self, index: int) -> Array:
        """Return the logarithms of the sizes in a gap, from one end to the other."""
        left, right = self._points[index], self._points[index + 1]
        return (1 - self._weights) * left.x + self._weights * right.x

    def _inside(self, index: int) -> npt.NDArray[np.bool_]:
        """Return whether the intervals at these sizes contain zero."""
        if index not in self._contain:
            left, right = self._points[index], self._points[index + 1]
            self._contain[index] = _contains_zero(left, right, self._weights)
        return self._contain[index]


def _contains_zero(left: Point, right: Point, weights: Array) -> npt.NDArray[np.bool_]:
    """Return whether the ratio's interval contains zero, by weight of ``right``."""
    left_ratios, right_ratios = (
        dict(zip(point.processes, point.ratios, strict=True)) for point in (left, right)
    )
    common = [process for process in left.processes if process in right_ratios]
    if len(common) >= max(2, min(left.count, right.count, 5)):
        # A process that was slow at one size tends to be slow at the next: keep them together.
        middle, error, freedom = trimmed(
            np.outer(1 - weights, [left_ratios[process] for process in common])
            + np.outer(weights, [right_ratios[process] for process in common])
        )
        hidden = (1 - weights) * left.hidden + weights * right.hidden
        reach = hidden + error * quantile(freedom, CONFIDENCE)
        inside: npt.NDArray[np.bool_] = np.abs(middle) <= reach
        return inside
    middle = (1 - weights) * left.mean + weights * right.mean
    reach = (1 - weights) * left.reach(CONFIDENCE) + weights * right.reach(CONFIDENCE)
    return np.abs(middle) <= reach
