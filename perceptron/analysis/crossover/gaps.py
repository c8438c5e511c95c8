"""How far from a zero the interval of the interpolated trimmed mean contains zero.

It is read off in steps from size to size. Walks from many zeros cross the same gaps: each gap is
calculated once, and a walk steps over gaps whose every interval contains zero.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from perceptron.analysis.crossover.points import Point
from perceptron.analysis.interval import CONFIDENCE, Array, quantile, trimmed

# Steps between two sizes.
_STEPS = 200


class Gaps:
    """The gaps between neighbouring points, by the index of the point to their left."""

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
