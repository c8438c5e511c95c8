"""Where a verdict on a pair is not sure yet: sizes and gaps in which another winner may hide.

The judge reports what remains; the locator measures there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import hypot, log

from perceptron.analysis.crossover.crossing import ZeroCrossing
from perceptron.analysis.crossover.points import Point, steepest
from perceptron.analysis.interval import TIE

# A change of winner is believed if at one size at least it is as sure as this.
_BELIEVED = 0.9999
# Between two sizes the log-ratio is taken to be no steeper than so many times the steepest slope
# seen around them, and it may always be this steep: half as steep as where one backend's time is
# proportional to the size and the other's is constant.
_MARGIN = 2.0
_LEAST_SLOPE = 0.5
# Beside a change of winner, less than this in log size belongs to the change.
_HIDDEN = log(1.5)
# An interval wider than this factor may hold several changes.
_WIDE = 4.0
# Closer sizes add no information.
NARROW = log(1.10)


@dataclass(frozen=True)
class Uncertainty:
    """A size at which the winner is not sure, or a gap between two that could hide a winner.

    ``first`` and ``last`` are indices into the list of points, equal for a single size.
    """

    first: int
    last: int


def uncertainties(points: Sequence[Point], changes: Sequence[ZeroCrossing]) -> list[Uncertainty]:
    """Return every uncertainty, by size; without any, the verdict holds at 95 % for all sizes.

    ``changes`` are the zeros of these points.
    """
    expected = _expected(points, changes)
    return sorted(
        [*_unsure(points, expected, changes), *_weak(points), *_gaps(points, expected, changes)],
        key=lambda uncertainty: (uncertainty.first, uncertainty.last),
    )


def _expected(points: Sequence[Point], changes: Sequence[ZeroCrossing]) -> list[int]:
    """Return who wins at each point by the sure ones: between two changes, always the same.

    0 where no size is sure.
    """
    first = next((point.sign for point in points if point.sign), 0)
    winners = []
    for point in points:
        passed = sum(zero.size < point.size for zero in changes)
        winners.append(first * (-1) ** passed)
    return winners


def _open(point: Point, changes: Sequence[ZeroCrossing]) -> bool:
    """Return whether the point lies inside the interval of a change: no winner is needed there."""
    return any(
        (zero.low or zero.bracket[0]) <= point.size <= (zero.high or zero.bracket[1])
        for zero in changes
    )


def _unsure(
    points: Sequence[Point], expected: Sequence[int], changes: Sequence[ZeroCrossing]
) -> Iterator[Uncertainty]:
    """Yield sizes where the other backend (without a winner, either) may win by more than a tie."""
    for index, (point, sign) in enumerate(zip(points, expected, strict=True)):
        if point.sign or _open(point, changes) or not (point.freedom or point.stated):
            continue
        low, high = point.interval()
        other = max(-sign * low, -sign * high) if sign else max(-low, high)
        if other > TIE:
            yield Uncertainty(index, index)


def _weak(points: Sequence[Point]) -> Iterator[Uncertainty]:
    """Yield the surest size of each stretch with one winner, where even that is not sure enough."""
    stretches: list[list[int]] = []
    last = 0
    for index, point in enumerate(points):
        if not point.sign or point.freedom == 0:
            continue
        if point.sign != last:
            stretches.append([])
        last = point.sign
        stretches[-1].append(index)
    for stretch in stretches:
        best = max(stretch, key=lambda i: abs(points[i].mean) / (points[i].error or 1e-9))
        if abs(points[best].mean) <= points[best].reach(_BELIEVED):
            yield Uncertainty(best, best)


def _gaps(
    points: Sequence[Point], expected: Sequence[int], changes: Sequence[ZeroCrossing]
) -> Iterator[Uncertainty]:
    """Yield gaps in which the log-ratio has room to reach the other side by more than a tie."""
    for index, (left, right) in enumerate(pairwise(points)):
        sign = expected[index]
        gap = right.x - left.x
        if expected[index + 1] != sign or gap <= NARROW:
            continue
        if not (left.freedom and right.freedom):  # single values: nothing is sure about them
            continue
        if gap <= _HIDDEN and (_open(left, changes) or _open(right, changes)):
            continue
        room = max(_LEAST_SLOPE, _MARGIN * steepest(points, index)) * gap
        lead = sign * (left.mean + right.mean) - hypot(left.error, right.error)
        if (room - lead) / 2 > TIE:
            yield Uncertainty(index, index + 1)
    for zero in changes:
        if zero.low and zero.high and zero.high / zero.low > _WIDE:
            sizes = [point.size for point in points]
            inside = [index for index, size in enumerate(sizes) if zero.low <= size <= zero.high]
            if inside:
                yield Uncertainty(inside[0], inside[-1])
