"""Where a verdict on a pair is undecided yet: sizes and gaps in which another winner may hide.

The judge reports what remains; the locator measures there.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate, groupby, pairwise
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


Indices = tuple[int, int]
"""The first and the last of some neighbouring points, equal for a single size."""


def uncertainties(points: Sequence[Point], changes: Sequence[ZeroCrossing]) -> list[Indices]:
    """Return the sizes at which the winner is undecided, and the gaps that could hide a winner.

    ``changes`` are the zeros of these points. Without any, the verdict holds at 95% for all sizes.
    """
    expected = _expected(points, changes)
    no_winner = _without_winner(points, changes)
    return sorted(
        [
            *_undecided(points, expected, no_winner),
            *_weak(points),
            *_gaps(points, expected, no_winner),
            *_wide(points, changes),
        ]
    )


def decided(points: Sequence[Point], remaining: Sequence[Indices]) -> list[Indices]:
    """Return the ranges in which a winner is known.

    They begin and end at decided sizes; neighbouring ones of one winner are joined where no
    uncertainty lies between. Where the surest size of a stretch is in doubt, none of it is known.
    """
    doubtful = doubted(remaining)
    with_winner = [index for index, point in enumerate(points) if point.sign]
    ranges: list[Indices] = []
    for _, members in groupby(with_winner, key=lambda index: points[index].sign):
        stretch = list(members)
        if not doubtful.isdisjoint(stretch):
            continue
        first = stretch[0]
        for left, right in pairwise(stretch):
            if any(start < right and end > left for start, end in remaining):
                ranges.append((first, left))
                first = right
        ranges.append((first, stretch[-1]))
    return ranges


def doubted(remaining: Sequence[Indices]) -> set[int]:
    """Return the indices of the sizes that are uncertain themselves, not only a gap beside them."""
    return {first for first, last in remaining if first == last}


def _expected(points: Sequence[Point], changes: Sequence[ZeroCrossing]) -> list[int]:
    """Return the winner at each point by the decided ones: between two changes, always the same.

    0 where no size is decided.
    """
    first = next((point.sign for point in points if point.sign), 0)
    passed = sorted(zero.estimate for zero in changes)
    return [first * (-1) ** bisect_left(passed, point.size) for point in points]


def _without_winner(points: Sequence[Point], changes: Sequence[ZeroCrossing]) -> list[bool]:
    """Return whether each point lies inside the interval of a change: it needs no winner."""
    sizes = [point.size for point in points]
    steps = [0] * (len(points) + 1)  # into intervals less out of them
    for zero in changes:
        first, stop = _inside(sizes, *zero.ends)
        steps[first] += 1
        steps[stop] -= 1
    return [depth > 0 for depth in accumulate(steps[:-1])]


def _inside(sizes: Sequence[float], low: float, high: float) -> tuple[int, int]:
    """Return the slice of the ascending sizes that lies from ``low`` to ``high``."""
    return bisect_left(sizes, low), bisect_right(sizes, high)


def _undecided(
    points: Sequence[Point], expected: Sequence[int], no_winner: Sequence[bool]
) -> Iterator[Indices]:
    """Yield sizes where the other backend (without a winner, either) may win by more than a tie."""
    for index, (point, sign) in enumerate(zip(points, expected, strict=True)):
        if point.says_nothing:
            yield index, index
            continue
        if point.sign or no_winner[index] or not (point.freedom or point.stated):
            continue
        low, high = point.interval()
        other = max(-sign * low, -sign * high) if sign else max(-low, high)
        if other > TIE:
            yield index, index


def _weak(points: Sequence[Point]) -> Iterator[Indices]:
    """Yield the surest size of each stretch with one winner, if even that is not sure enough."""
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
            yield best, best


def _gaps(
    points: Sequence[Point], expected: Sequence[int], no_winner: Sequence[bool]
) -> Iterator[Indices]:
    """Yield gaps in which the log-ratio has room to reach the other side by more than a tie."""
    for index, (left, right) in enumerate(pairwise(points)):
        sign = expected[index]
        gap = right.x - left.x
        if expected[index + 1] != sign or gap <= NARROW:
            continue
        if not (left.freedom and right.freedom):  # single values: nothing is sure about them
            continue
        if gap <= _HIDDEN and (no_winner[index] or no_winner[index + 1]):
            continue
        room = max(_LEAST_SLOPE, _MARGIN * steepest(points, index)) * gap
        lead = sign * (left.mean + right.mean) - hypot(left.error, right.error)
        lead -= left.hidden + right.hidden
        if (room - lead) / 2 > TIE:
            yield index, index + 1


def _wide(points: Sequence[Point], changes: Sequence[ZeroCrossing]) -> Iterator[Indices]:
    """Yield the sizes inside an interval of a change that may hold several."""
    sizes = [point.size for point in points]
    for zero in changes:
        if zero.low and zero.high and zero.high / zero.low > _WIDE:
            first, stop = _inside(sizes, zero.low, zero.high)
            if first < stop:
                yield first, stop - 1
