"""Find where the log-ratio of a pair is zero, with its interval, and which sizes are undecided.

Between two sizes the log-ratio is taken to be linear in the logarithm of the size; a crossover is
its zero. Its interval holds every size at which the interval of the interpolated trimmed mean
contains zero, which is how Fieller (1954) inverts a test. It is widened where the neighbouring
sizes show that the line bends.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import accumulate, groupby, pairwise
from math import exp, hypot, log
from typing import Literal

import numpy as np
import numpy.typing as npt

from perceptron.questions.crossover.points import Point, slope, steepest
from perceptron.statistics.interval import CONFIDENCE, TIE, Interval, quantile, trimmed

# A bend counts where it is larger than this many standard errors.
_SURE_BEND = 2.0
# Weights of the right one of two sizes at which the interval between them is computed.
_WEIGHTS = np.linspace(0.0, 1.0, 201)

Mask = npt.NDArray[np.bool_]
Inside = Callable[[int], Mask]
"""Whether, at each of `_WEIGHTS` between a point and the next, the ratio's interval has zero."""


class ZeroCrossing(Interval, frozen=True):
    """The size at which the winner changes, between the two measured sizes of ``bracket``.

    An end is None where the interval is open on that side; both are None for a single process.
    ``direction`` is the winner from there up.
    """

    bracket: tuple[float, float]
    direction: Literal["challenger", "incumbent"]

    @property
    def ends(self) -> tuple[float, float]:
        """The ends of the interval, or of the bracket where the interval is open."""
        return self.low or self.bracket[0], self.high or self.bracket[1]


def zero_crossings(points: Sequence[Point]) -> list[ZeroCrossing]:
    """Return each change of winner between two neighbouring decided sizes.

    Uninformative sizes are ignored.
    """
    points = [point for point in points if not point.uninformative]
    decided = [index for index, point in enumerate(points) if point.sign]

    @cache  # walks from many zeros cross the same gaps
    def inside(index: int) -> Mask:
        return _contains_zero(points[index], points[index + 1])

    return [
        _zero(points, inside, left, right)
        for left, right in pairwise(decided)
        if points[left].sign != points[right].sign
    ]


def _zero(points: Sequence[Point], inside: Inside, first: int, last: int) -> ZeroCrossing:
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
    low = _end(points, inside, indices[0], step=-1)
    high = _end(points, inside, indices[-1], step=1)
    return ZeroCrossing(
        estimate=exp(_crossing(points[index], points[index + 1])),
        low=low,
        high=high,
        bracket=_bracket(points, index),
        direction="challenger" if points[first].sign > 0 else "incumbent",
    )


def _bracket(points: Sequence[Point], index: int) -> tuple[float, float]:
    """Return the sizes around a change; where files state intervals, the next decided sizes.

    Single values have no other interval to bound the change.
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


def _end(points: Sequence[Point], inside: Inside, index: int, step: int) -> float | None:
    """Return the lower end of a crossing's interval for a ``step`` of −1, the upper for 1."""
    if any(point.count < 2 for point in points[index : index + 2]):
        return None
    zero = _crossing(points[index], points[index + 1])
    last = _walk(points, inside, index, zero, step)
    if last is None:
        return None
    return exp(zero + step * hypot(last - zero, _bend(points, index, zero, step)))


def _bend(points: Sequence[Point], index: int, zero: float, step: int) -> float:
    """Return how far the zero may move in one direction if the ratio bends between the sizes.

    A curve that bends one way lies between its chord and the prolonged chords beside it; a step
    lies anywhere between the two sizes. Bends within the noise do not count.
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


def _walk(
    points: Sequence[Point], inside: Inside, index: int, zero: float, step: int
) -> float | None:
    """Return the logarithm of the last size, from ``zero`` on, whose interval contains zero.

    Starts in the gap at ``index`` and goes up for a ``step`` of 1, down for −1. None if every
    interval up to the last measured size contains zero.
    """
    last = zero
    while 0 <= index < len(points) - 1:
        left, right = points[index], points[index + 1]
        xs_between = (1 - _WEIGHTS) * left.x + _WEIGHTS * right.x
        beyond = xs_between > zero if step > 0 else xs_between < zero
        xs, contains = xs_between[beyond][::step], inside(index)[beyond][::step]
        count = len(xs) if contains.all() else int(contains.argmin())
        if count:
            last = float(xs[count - 1])
        if count < len(xs):
            return last
        index += step
    return None


def _contains_zero(left: Point, right: Point) -> Mask:
    """Return whether the ratio's interval contains zero, by weight of ``right``."""
    weights = _WEIGHTS
    left_ratios, right_ratios = (
        dict(zip(point.processes, point.ratios, strict=True)) for point in (left, right)
    )
    common = [process for process in left.processes if process in right_ratios]
    if len(common) >= max(2, min(left.count, right.count, 5)):
        # A process that was slow at one size tends to be slow at the next: keep them together.
        middle, error, df = trimmed(
            np.outer(1 - weights, [left_ratios[process] for process in common])
            + np.outer(weights, [right_ratios[process] for process in common])
        )
        reach = error * quantile(df, CONFIDENCE)
        ends = zip(left.hidden, right.hidden, strict=True)
        below, above = ((1 - weights) * at + weights * then + reach for at, then in ends)
    else:
        middle = (1 - weights) * left.mean + weights * right.mean
        ends = zip(left.half_widths(CONFIDENCE), right.half_widths(CONFIDENCE), strict=True)
        below, above = ((1 - weights) * at + weights * then for at, then in ends)
    inside: Mask = (middle <= below) & (-middle <= above)
    return inside


# --- undecided sizes: the judge reports them, the locator measures there --------------------------

# A winner is accepted if it leads at this confidence at one size at least.
_BELIEVED = 0.9999
# Between two sizes the log-ratio is assumed to fall and rise at most `_MARGIN` times as steeply as
# the steepest fall and rise measured around them, and always possibly as steeply as `_LEAST_SLOPE`:
# half the slope where one backend's time is proportional to the size and the other's is constant.
# Falls and rises are bounded separately if both ends lead by more than this slope needs: that made
# none of 1,000 simulated cases wrong, and one of 1,000 where the ends led by less.
_MARGIN = 2.0
_LEAST_SLOPE = 0.5
# Two backends that tie at both ends of a gap, and nearly tie around it, do the same work: in a gap
# no wider than those that a search begins with, no `_LEAST_SLOPE` is assumed.
_SEARCHED = log(4.0) + 1e-3
# Beside a change of winner, less than this in log size belongs to the change.
_HIDDEN = log(1.5)
# An interval wider than this factor may hold several changes.
_WIDE = 4.0
# Closer sizes add no information.
NARROW = log(1.10)


def exceptions(points: Sequence[Point]) -> list[int]:
    """Return the indices of sizes whose ratio is above, or below, both close neighbours' intervals.

    Powers of two may be such: their rows in memory share few cache lines. The winner does not
    change there.
    """
    exceptional = []
    for index in range(1, len(points) - 1):
        left, point, right = points[index - 1 : index + 2]
        low, high = point.interval()
        beside = [left.interval(), right.interval()]
        is_close = point.x - left.x <= NARROW and right.x - point.x <= NARROW
        is_above = low > max(end for _, end in beside)
        if is_close and (is_above or high < min(end for end, _ in beside)):
            exceptional.append(index)
    return exceptional


Indices = tuple[int, int]
"""The first and the last of some neighbouring points, equal for a single size."""


def uncertainties(points: Sequence[Point], changes: Sequence[ZeroCrossing]) -> list[Indices]:
    """Return the sizes at which the winner is undecided, and the gaps that could hide another one.

    ``changes`` are the zeros of these points. If the list is empty, the verdict holds at 95% for
    all sizes.
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


def known_ranges(points: Sequence[Point], remaining: Sequence[Indices]) -> list[Indices]:
    """Return the ranges in which one backend is known to be faster, or the two to tie.

    Neighbours with the same verdict are joined if no uncertainty lies between them. A stretch in
    which any decided size is in doubt has no winner.
    """
    doubtful = doubted(remaining)
    ahead = [index for index, point in enumerate(points) if point.sign]
    unsure: set[int] = set()
    for _, members in groupby(ahead, key=lambda index: points[index].sign):
        stretch = set(members)
        if not doubtful.isdisjoint(stretch):
            unsure |= stretch
    ranges: list[Indices] = []
    for index, point in enumerate(points):
        if point.decided is None or (point.decided != "tie" and index in unsure):
            continue
        if ranges and _is_joined(ranges[-1][1], index, points, remaining):
            ranges[-1] = (ranges[-1][0], index)
        else:
            ranges.append((index, index))
    return ranges


def _is_joined(
    last: int, index: int, points: Sequence[Point], remaining: Sequence[Indices]
) -> bool:
    """Return whether a size has the verdict of the one before it, with no uncertainty between."""
    return (
        last == index - 1
        and points[last].decided == points[index].decided
        and not any(start < index and end > last for start, end in remaining)
    )


def doubted(remaining: Sequence[Indices]) -> set[int]:
    """Return the indices of the uncertain sizes, without those that only have a gap beside them."""
    return {first for first, last in remaining if first == last}


def _expected(points: Sequence[Point], changes: Sequence[ZeroCrossing]) -> list[int]:
    """Return the expected sign at each point, the same between two changes.

    All are 0 if no size is decided.
    """
    first = next((point.sign for point in points if point.sign), 0)
    passed = sorted(zero.estimate for zero in changes)
    return [first * (-1) ** bisect_left(passed, point.size) for point in points]


def _without_winner(points: Sequence[Point], changes: Sequence[ZeroCrossing]) -> list[bool]:
    """Return whether each point lies inside the interval of a change, where it needs no winner."""
    sizes = [point.size for point in points]
    steps = [0] * (len(points) + 1)  # into intervals less out of them
    for zero in changes:
        first, stop = _inside(sizes, *zero.ends)
        steps[first] += 1
        steps[stop] -= 1
    return [depth > 0 for depth in accumulate(steps[:-1])]


def _inside(sizes: Sequence[float], low: float, high: float) -> tuple[int, int]:
    """Return the first index and the stop of the ascending sizes from ``low`` to ``high``."""
    return bisect_left(sizes, low), bisect_right(sizes, high)


def _undecided(
    points: Sequence[Point], expected: Sequence[int], no_winner: Sequence[bool]
) -> Iterator[Indices]:
    """Yield sizes where the other backend, or either without a winner, may lead beyond a tie."""
    for index, (point, sign) in enumerate(zip(points, expected, strict=True)):
        if point.uninformative:
            yield index, index
            continue
        if point.sign or no_winner[index] or not (point.df or point.stated):
            continue
        low, high = point.interval()
        other = max(-sign * low, -sign * high) if sign else max(-low, high)
        if other > TIE:
            yield index, index


def _weak(points: Sequence[Point]) -> Iterator[Indices]:
    """Yield the surest size of each stretch with one winner, if it is below `_BELIEVED`."""
    stretches: list[list[int]] = []
    last = 0
    for index, point in enumerate(points):
        if not point.sign or point.is_tie or point.df == 0:
            continue
        if point.sign != last:
            stretches.append([])
        last = point.sign
        stretches[-1].append(index)
    for stretch in stretches:
        best = max(stretch, key=lambda i: abs(points[i].mean) / (points[i].error or 1e-9))
        if points[best].lead(_BELIEVED) <= 0:
            yield best, best


def _gaps(
    points: Sequence[Point], expected: Sequence[int], no_winner: Sequence[bool]
) -> Iterator[Indices]:
    """Yield the gaps in which the log-ratio may reach the other side by more than a tie."""
    for index, (left, right) in enumerate(pairwise(points)):
        sign = expected[index]
        gap = right.x - left.x
        if expected[index + 1] != sign or gap <= NARROW:
            continue
        if not (left.df and right.df):  # single values: nothing is sure about them
            continue
        if gap <= _HIDDEN and (no_winner[index] or no_winner[index + 1]):
            continue
        is_tie = left.is_tie and right.is_tie
        sides = (1, -1) if is_tie or not sign else (sign,)
        if any(_lowest(points, index, side, is_tie) < -TIE for side in sides):
            yield index, index + 1


def _lowest(points: Sequence[Point], index: int, sign: int, is_tie: bool) -> float:
    """Return the least lead that the winner (``sign`` 1: the incumbent) may have in a gap.

    The lead is assumed to fall from the left end and rise to the right end as steeply as allowed.
    """
    left, right = points[index], points[index + 1]
    gap = right.x - left.x
    least = 0.0 if is_tie and gap <= _SEARCHED else _LEAST_SLOPE
    left_lead, right_lead = sign * left.mean, sign * right.mean
    falls, rises = steepest(points, index)[::sign]
    if min(left_lead, right_lead) <= _LEAST_SLOPE * gap / 2:
        # So near to zero a fall may turn into an equally steep rise, as where a cache overflows.
        falls = rises = max(falls, rises)
    down, up = max(least, _MARGIN * falls), max(least, _MARGIN * rises)
    noise = hypot(left.error, right.error)
    noise += sum(point.hidden[0 if sign > 0 else 1] for point in (left, right))
    if not down + up:
        return min(left_lead, right_lead) - noise / 2
    return (left_lead * up + right_lead * down - down * up * gap) / (down + up) - noise / 2


def _wide(points: Sequence[Point], changes: Sequence[ZeroCrossing]) -> Iterator[Indices]:
    """Yield the sizes inside an interval of a change that may hold several."""
    sizes = [point.size for point in points]
    for zero in changes:
        if zero.low and zero.high and zero.high / zero.low > _WIDE:
            first, stop = _inside(sizes, zero.low, zero.high)
            if not all(point.is_tie for point in points[first:stop]):
                yield first, stop - 1
