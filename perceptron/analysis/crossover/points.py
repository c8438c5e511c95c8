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

from scipy import special

from perceptron.analysis.contention import UNKNOWN
from perceptron.analysis.crossover.ratio import LogRatio, log_ratio
from perceptron.analysis.interval import CONFIDENCE, TIE, Array, quantile
from perceptron.analysis.select import has_time
from perceptron.records.measurement import Measurement

# A few processes say little about how much processes vary; the other sizes say more. Their typical
# variance counts as much as this many degrees of freedom of a size's own (Smyth, Statistical
# Applications in Genetics and Molecular Biology 3, 2004, who estimates the number).
_BORROWED = 4.0


@dataclass(frozen=True)
class Point:
    """The log-ratios at one size, in the order of processes, and their trimmed mean.

    ``processes`` and ``ratios`` are empty where the times of the two do not pair up; then the mean
    is the difference of two trimmed means.
    """

    size: float
    processes: tuple[int, ...]
    ratios: Array
    count: int
    """Values of each backend; of the one that has fewer if they do not pair up."""
    mean: float
    error: float
    """Standard error of the mean; 0 where there is a single value, or no spread."""
    freedom: float
    """Degrees of freedom behind ``error``; 0 where nothing is known about the spread."""
    confidence: float
    """Level of one size at which all sizes together hold at 95 % (Bonferroni)."""
    stated: tuple[float, float] | None = None
    """Of single values, the largest interval of the log-ratio that the intervals in their files
    allow: it holds zero where the two overlap."""
    taken: int = 0
    """Values of each that there are: those in ``count`` are the uncontended ones if there are any.
    """
    hidden: float = 0.0
    """How far waiting for cores may have moved the mean: every interval reaches as much further.
    `UNKNOWN` where nothing bounds it, and of a single process of ours."""
    spread: float = 0.0
    """Of a single value, the standard deviation that its file states, as a share of the value."""
    sign: int = 0
    """1 where the incumbent surely wins, −1 where the challenger does, else 0."""

    @property
    def x(self) -> float:
        return log(self.size)

    @property
    def says_nothing(self) -> bool:
        """Whether no winner can be read off: one process of ours, or threads that had no cores."""
        return self.hidden >= UNKNOWN

    def reach(self, confidence: float | None = None) -> float:
        """Return half the width of the mean's interval; inf for a single value."""
        if self.freedom == 0:
            return inf
        return self.hidden + self.error * quantile(self.freedom, confidence or self.confidence)

    def interval(self, confidence: float | None = None) -> tuple[float, float]:
        """Return the interval of the log-ratio: of the mean, or stated; without end if neither.

        With both, the ends that are further away: other sizes know nothing of what a file states.
        """
        if self.freedom == 0 and self.stated is not None:
            return self.stated
        reach = self.reach(confidence)
        low, high = self.stated or (self.mean, self.mean)
        return min(low, self.mean - reach), max(high, self.mean + reach)


def points(rows: Sequence[Measurement], incumbent: str, challenger: str) -> list[Point]:
    """Return a point for each size above zero at which both have a time, ascending.

    The rows are of one state. Ours of one process were measured side by side, and only processes
    that measured both count; of other people's rows all count, and pair up where each process is a
    file.
    """
    by_size: dict[str, dict[float, list[Measurement]]] = {incumbent: {}, challenger: {}}
    for row in rows:
        if row.backend in by_size and row.size > 0 and has_time(row):
            by_size[row.backend].setdefault(row.size, []).append(row)
    return points_of(by_size[incumbent], by_size[challenger])


def points_of(
    incumbent: Mapping[float, Sequence[Measurement]],
    challenger: Mapping[float, Sequence[Measurement]],
) -> list[Point]:
    """Return the points of two backends from their rows with a time, by size."""
    ratios = {
        size: ratio
        for size in sorted(incumbent.keys() & challenger.keys())
        if (ratio := log_ratio(incumbent[size], challenger[size]))
    }
    # Being sure at every size at once takes more than at each by itself.
    confidence = 1 - (1 - CONFIDENCE) / max(1, len(ratios))
    variances = {
        size: (ratio.error**2 * ratio.weight, max(1, round(ratio.freedom)))
        for size, ratio in ratios.items()
        if ratio.freedom
    }
    typical = _typical(variances, ratios)
    return _signed(
        [_point(size, ratio, typical[size], confidence) for size, ratio in ratios.items()]
    )


def _point(size: float, ratio: LogRatio, typical: tuple[float, float], confidence: float) -> Point:
    borrowed, lent = typical
    total, error = ratio.freedom + lent, ratio.error
    if lent:
        variance = (ratio.freedom * error**2 * ratio.weight + lent * borrowed) / total
        error = sqrt(variance / ratio.weight)
    return Point(
        size=size,
        processes=ratio.processes,
        ratios=ratio.ratios,
        count=ratio.values,
        mean=ratio.mean,
        error=error,
        freedom=total,
        confidence=confidence,
        stated=ratio.stated,
        taken=ratio.taken,
        hidden=ratio.hidden,
        spread=ratio.spread,
    )


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
    return 2 * float(special.gammaincinv(freedom / 2, 0.5)) / freedom


def _signed(points: list[Point]) -> list[Point]:
    """Return the points with their signs.

    Single values from other tools are believed, except where a few in the middle change sides by no
    more than a tie or than their stated deviation, and then change back: that is noise.
    """
    signs = [_sign(point) for point in points]
    sure = [index for index, sign in enumerate(signs) if sign]
    stretches = [list(members) for _, members in groupby(sure, key=signs.__getitem__)]
    for members in stretches[1:-1]:
        if all(_negligible(points[index]) for index in members):
            for index in members:
                signs[index] = 0
    return [replace(point, sign=sign) for point, sign in zip(points, signs, strict=True)]


def _sign(point: Point) -> int:
    low, high = point.interval()
    if point.says_nothing or ((point.freedom or point.stated is not None) and low <= 0 <= high):
        return 0
    return (point.mean > 0) - (point.mean < 0)


def _negligible(point: Point) -> bool:
    return point.freedom == 0 and abs(point.mean) <= max(TIE, point.spread)


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
    if left.says_nothing or right.says_nothing:
        return 0.0
    noise = hypot(left.error, right.error) / (right.x - left.x)
    return max(0.0, abs(slope(left, right)) - noise)
