"""A pair of backends, size by size: who is ahead, by how much, and how sure that is.

At each size stands the logarithm of challenger time over incumbent time, one value for each pair
of processes measured side by side. It is above zero where the incumbent wins.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import accumulate, groupby
from math import hypot, inf, log, sqrt

import numpy as np
from scipy import stats

from perceptron.analysis.interval import CONFIDENCE, TIE, Array, quantile, trimmed
from perceptron.analysis.select import paired
from perceptron.records.measurement import Measurement

# A few processes say little about how much processes vary; the other sizes say more. Their typical
# variance counts as much as this many degrees of freedom of a size's own (Smyth, Statistical
# Applications in Genetics and Molecular Biology 3, 2004, who estimates the number).
_BORROWED = 4.0


@dataclass(frozen=True)
class Point:
    """The log-ratios at one size, in the order of processes, and their trimmed mean."""

    size: float
    processes: tuple[int, ...]
    ratios: Array
    mean: float
    error: float
    """Standard error of the mean; 0 where there is a single value, or no spread."""
    freedom: float
    """Degrees of freedom behind ``error``; 0 where nothing is known about the spread."""
    confidence: float
    """Level of one size at which all sizes together hold at 95 % (Bonferroni)."""
    spread: float = 0.0
    """Of a single value, the standard deviation that its file states, as a share of the value."""
    sign: int = 0
    """1 where the incumbent surely wins, −1 where the challenger does, else 0."""

    @property
    def x(self) -> float:
        return log(self.size)

    @property
    def count(self) -> int:
        return len(self.processes)

    def reach(self, confidence: float | None = None) -> float:
        """Return half the width of the mean's interval; inf for a single value."""
        if self.freedom == 0:
            return inf
        return self.error * quantile(self.freedom, confidence or self.confidence)


def points(rows: Sequence[Measurement], incumbent: str, challenger: str) -> list[Point]:
    """Return a point for each size above zero at which some process measured both, ascending."""
    by_size: dict[float, list[Measurement]] = {}
    for row in rows:
        if row.size > 0 and row.backend in (incumbent, challenger):
            by_size.setdefault(row.size, []).append(row)
    ratios = {}
    for size in sorted(by_size):
        pairs = paired(by_size[size], incumbent, challenger)
        if pairs:
            ratios[size] = (
                tuple(pairs),
                np.array([log(after) - log(before) for before, after in pairs.values()]),
            )
    # Being sure at every size at once takes more than at each by itself.
    confidence = 1 - (1 - CONFIDENCE) / max(1, len(ratios))
    own = {size: trimmed(values) for size, (_, values) in ratios.items()}
    variances = {
        size: (error**2 * len(ratios[size][0]), freedom)
        for size, (_, error, freedom) in own.items()
        if freedom
    }
    typical = _typical(variances, ratios)
    return _signed(
        [
            _point(
                size,
                *ratios[size],
                own[size],
                typical[size],
                confidence,
                _spread(by_size[size]),
            )
            for size in ratios
        ]
    )


def _point(
    size: float,
    processes: tuple[int, ...],
    ratios: Array,
    own: tuple[float, float, int],
    typical: tuple[float, float],
    confidence: float,
    spread: float,
) -> Point:
    mean, error, freedom = own
    borrowed, lent = typical
    total = freedom + lent
    if lent:
        variance = (freedom * error**2 * len(ratios) + lent * borrowed) / total
        error = sqrt(variance / len(ratios))
    return Point(size, processes, ratios, float(mean), float(error), total, confidence, spread)


def _typical(
    variances: Mapping[float, tuple[float, int]], sizes: Iterable[float]
) -> dict[float, tuple[float, float]]:
    """Return for each size the typical variance of the others and what degrees it may count for.

    The variance that half of their degrees of freedom lie below, each divided by the median of
    its distribution: with few degrees a variance is mostly too small. 0 and 0 without others.
    """
    fair = sorted(
        (variance / _median(freedom), freedom, size)
        for size, (variance, freedom) in variances.items()
    )
    below = list(accumulate(freedom for _, freedom, _ in fair))
    own = {size: (rank, freedom) for rank, (_, freedom, size) in enumerate(fair)}
    every = below[-1] if below else 0
    typical = {}
    for size in sizes:
        rank, freedom = own.get(size, (0, 0))
        others = every - freedom
        middle = bisect_left(below, others / 2)
        if middle >= rank:  # up to there the size's own degrees are among those below
            middle = bisect_left(below, others / 2 + freedom)
        typical[size] = (fair[middle][0], min(_BORROWED, float(others))) if others else (0.0, 0.0)
    return typical


@lru_cache
def _median(freedom: int) -> float:
    """Return the median of a variance with these degrees of freedom, over the true variance."""
    return float(stats.chi2.median(freedom)) / freedom


def _signed(points: list[Point]) -> list[Point]:
    """Return the points with their signs.

    Single values are believed, except where a few in the middle change sides by no more than a tie
    or than their stated deviation, and then change back: that is noise.
    """
    signs = [_sign(point) for point in points]
    start = 0
    for sign, members in groupby(list(signs)):
        stop = start + len(list(members))
        inner = start > 0 and stop < len(points)
        stretch = points[start:stop]
        if sign and inner and all(_negligible(point) for point in stretch):
            signs[start:stop] = [0] * len(stretch)
        start = stop
    return [replace(point, sign=sign) for point, sign in zip(points, signs, strict=True)]


def _sign(point: Point) -> int:
    if point.freedom and abs(point.mean) <= point.reach():
        return 0
    return (point.mean > 0) - (point.mean < 0)


def _negligible(point: Point) -> bool:
    return point.freedom == 0 and abs(point.mean) <= max(TIE, point.spread)


def _spread(rows: Iterable[Measurement]) -> float:
    """Return the relative standard deviation of a ratio of values with stated deviations."""
    return hypot(*(row.stdev / row.seconds for row in rows if row.stdev and row.seconds))


def steepest(points: Sequence[Point], index: int) -> float:
    """Return the largest slope of the log-ratio around the gap between ``index`` and the next.

    Minus one standard error: neighbouring sizes differ by noise as well.
    """
    around = range(max(0, index - 1), min(len(points) - 1, index + 2))
    return max(_sure_slope(points[left], points[left + 1]) for left in around)


def slope(left: Point, right: Point) -> float:
    """Return the change of the log-ratio per logarithm of the size."""
    return (right.mean - left.mean) / (right.x - left.x)


def _sure_slope(left: Point, right: Point) -> float:
    noise = hypot(left.error, right.error) / (right.x - left.x)
    return max(0.0, abs(slope(left, right)) - noise)
