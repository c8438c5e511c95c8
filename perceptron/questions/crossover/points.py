"""The log-ratio of a pair of backends at each size, with its interval.

It is the logarithm of challenger time over incumbent time: of pairs of processes measured side by
side, of single values, or of two unpaired samples. It is above zero where the incumbent wins. Each
size has Yuen's or Welch's standard error (`interval.trimmed`); then the sizes share a typical
variance (Smyth), and their intervals hold together (Bonferroni).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import accumulate, groupby
from math import copysign, hypot, inf, log, sqrt
from operator import attrgetter
from statistics import median
from typing import Literal

import numpy as np

from perceptron.questions.crossover.comparable import by_backend_and_size
from perceptron.records.measurement import Measurement
from perceptron.statistics.contention import UNKNOWN, hidden, side_by_side
from perceptron.statistics.interval import (
    CONFIDENCE,
    LARGEST_LOG,
    TIE,
    Interval,
    mean_ratio,
    of_logarithms,
    quantile,
    trimmed,
    welch,
)
from perceptron.statistics.select import has_time, is_of_suite, rows_by_process
from perceptron.statistics.sessions import Start, by_run, disagree, over_sessions
from perceptron.statistics.trimmed_mean import Array

Known = Literal["incumbent", "challenger", "tie"]
"""Who is faster."""

# A few processes estimate the variance badly. The typical variance of the other sizes is added with
# this many degrees of freedom (Smyth, Statistical Applications in Genetics and Molecular Biology 3,
# 2004, who estimates the number).
_BORROWED = 4.0


@dataclass(frozen=True)
class Point:
    """The log-ratios at one size, in the order of processes, and their trimmed mean.

    ``processes`` and ``ratios`` are empty where the times do not pair up, as other tools' do not:
    then the mean is the difference of two trimmed means, or of two single values. They are also
    empty where the times stem from two states of the machine.
    """

    size: float
    mean: float
    processes: tuple[int, ...] = ()
    ratios: Sequence[float] | Array = ()
    count: int = 1
    """Number of pairs; if the times do not pair up, that of the backend with fewer values."""
    taken: int = 1
    """Number with the contended values, which ``count`` leaves out if others remain."""
    error: float = 0.0
    """Standard error of the mean; 0 for a single value, or without any spread."""
    df: float = 0
    """Degrees of freedom of ``error``; 0 if the spread is unknown."""
    weight: float = 1.0
    """Variance of one ratio over the square of ``error``."""
    confidence: float = CONFIDENCE
    """Confidence level of one size at which all sizes hold together at 95% (Bonferroni)."""
    stated: tuple[float, float] | None = None
    """For single values, the widest log-ratio interval that the intervals in their files allow;
    it contains zero where those two overlap."""
    hidden: tuple[float, float] = (0.0, 0.0)
    """How far below and above the mean the log-ratio may be for causes beside noise: waiting for
    cores, two states of the machine, calls written differently. It extends every interval.
    `UNKNOWN` without a bound; both are `UNKNOWN` for a single process of ours."""
    spread: float = 0.0
    """Relative standard deviation that files state for single values."""
    sign: int = 0
    """1 if the interval has the incumbent ahead, −1 for the challenger, else 0. Crossovers lie
    between different signs; within a tie the sign names no winner."""
    is_tie: bool = False
    """Whether the interval lies within ±5%, whatever ``sign`` is."""

    @property
    def x(self) -> float:
        return log(self.size)

    @property
    def decided(self) -> Known | None:
        """The faster backend by this size's ratio, or a tie; None if undecided."""
        if self.is_tie:
            return "tie"
        if not self.sign:
            return None
        return "incumbent" if self.sign > 0 else "challenger"

    @property
    def uninformative(self) -> bool:
        """Whether no winner is known: one process of ours, or threads that waited for cores.

        If only one side waited, it may still be known to be the faster.
        """
        return not self.sign and max(self.hidden) >= UNKNOWN

    def half_widths(self, confidence: float | None = None) -> tuple[float, float]:
        """Return how far the interval reaches below and above the mean; inf for a single value."""
        if self.df == 0:
            return inf, inf
        half_width = self.error * quantile(self.df, confidence or self.confidence)
        below, above = self.hidden
        return half_width + below, half_width + above

    def lead(self, confidence: float | None = None) -> float:
        """Return the least log-ratio by which the winner leads; negative if the other may lead."""
        below, above = self.half_widths(confidence)
        return self.mean - below if self.mean > 0 else -self.mean - above

    def interval(self, confidence: float | None = None) -> tuple[float, float]:
        """Return the interval of the log-ratio: of the mean, or stated; infinite with neither.

        With both, take the outer ends: shared variances do not narrow an interval stated in a file.
        """
        if self.df == 0 and self.stated is not None:
            return self.stated
        below, above = self.half_widths(confidence)
        low, high = self.stated or (self.mean, self.mean)
        return min(low, self.mean - below), max(high, self.mean + above)


def points(rows: Sequence[Measurement], incumbent: str, challenger: str) -> list[Point]:
    """Return a point for each size above zero at which both have a time, ascending.

    The rows are of one state, or of several runs, which are joined. Of our rows only processes that
    measured both backends count; of other tools' rows all count.
    """
    runs = by_run(row for row in rows if row.size > 0 and has_time(row))
    by_start: dict[Start, list[Point]] = {}
    for start, members in runs.items():
        timed = by_backend_and_size(members)
        if measured := points_of(timed.get(incumbent, {}), timed.get(challenger, {})):
            by_start[start] = measured
    return joined_points(by_start)[0] if len(by_start) > 1 else next(iter(by_start.values()), [])


def points_of(
    incumbent: Mapping[float, Sequence[Measurement]],
    challenger: Mapping[float, Sequence[Measurement]],
) -> list[Point]:
    """Return the points of two backends from their timed rows by size, ascending."""
    separate = [
        point
        for size in sorted(incumbent.keys() & challenger.keys())
        if (point := _by_itself(size, incumbent[size], challenger[size]))
    ]
    confidence = at_each(CONFIDENCE, len(separate))
    variances = {
        point.size: (point.error**2 * point.weight, max(1, round(point.df)))
        for point in separate
        if point.df
    }
    typical = _typical(variances, [point.size for point in separate])
    return _signed([_with_prior(point, *typical[point.size], confidence) for point in separate])


def joined_points(runs: Mapping[Start, Sequence[Point]]) -> tuple[list[Point], list[float]]:
    """Return the points of all ``runs`` together, and the sizes at which the runs disagree.

    At each size that any run measured, the others are interpolated; `over_sessions` joins them.
    The interval of each run holds at all sizes together.
    """
    sizes = sorted({point.size for points in runs.values() for point in points})
    confidence = at_each(CONFIDENCE, len(sizes))
    joined, disagreed = [], []
    for size in sizes:
        measured = [point for points in runs.values() for point in points if point.size == size]
        ratios = {start: _ratio_of_run(points, size, confidence) for start, points in runs.items()}
        together = over_sessions(ratios, confidence, between=CONFIDENCE)
        assert together is not None, "a run measured this size"
        if disagree(ratios.values(), together):
            disagreed.append(size)
        # With ``df`` infinite, the half width at 99.99%, which `crossing` uses, is that of normal
        # errors. With Student's t at one degree less than the number of sessions, 21 instead of 284
        # of 360 simulated cases of three sessions were decided in whole or part. None was decided
        # wrongly either way; a range of sizes was wrong in 7, 6 of them with sessions in one state.
        point = Point(
            size,
            0.0,
            count=sum(point.count for point in measured),
            taken=sum(point.taken for point in measured),
            df=inf,
        )
        joined.append(with_ratio(point, together))
    return joined, disagreed


def _ratio_of_run(points: Sequence[Point], size: float, confidence: float) -> Interval | None:
    """Return the ratio of a run at a size, interpolated if not measured; None outside its sizes."""
    index = bisect_left(points, size, key=attrgetter("size"))
    if index < len(points) and points[index].size == size:
        return ratio_at(points[index], confidence)
    if index in (0, len(points)):
        return None
    return between_sizes(points[index - 1], points[index], size, confidence)


def between_sizes(below: Point, above: Point, size: float, confidence: float) -> Interval:
    """Return the ratio at a size between two points, with means and ends interpolated."""
    share = (log(size) - below.x) / (above.x - below.x)
    low, high = (
        # An end that is unknown at one of them, because of waiting, is unknown between them.
        copysign(inf, end) if max(abs(left), abs(right)) >= LARGEST_LOG else end
        for left, right in zip(below.interval(confidence), above.interval(confidence), strict=True)
        for end in [(1 - share) * left + share * right]
    )
    return of_logarithms((1 - share) * below.mean + share * above.mean, low, high)


def ratio_at(point: Point, confidence: float | None = None) -> Interval:
    """Return the ratio at a size with its interval."""
    return of_logarithms(point.mean, *point.interval(confidence))


def at_each(confidence: float, sizes: int) -> float:
    """Return the level of each of ``sizes`` sizes at which all hold together at ``confidence``."""
    return 1 - (1 - confidence) / max(1, sizes)


def _by_itself(
    size: float, incumbents: Sequence[Measurement], challengers: Sequence[Measurement]
) -> Point | None:
    """Return the point of the rows at one size; None if no process measured both.

    Raises ValueError where two rows of a backend have the same process.
    """
    incumbent, challenger = _by_process(incumbents), _by_process(challengers)
    if is_of_suite(incumbents[0]):
        taken = len(incumbent.keys() & challenger.keys())
        return _of_pairs(size, taken, *side_by_side(incumbent, challenger)) if taken else None
    if len(incumbents) == len(challengers) == 1:
        return _of_single_values(size, incumbents[0], challengers[0])
    return _of_unpaired(size, incumbents, challengers)


def _by_process(rows: Sequence[Measurement]) -> dict[int, Measurement]:
    """Return the timed rows of one backend by process, as `rows_by_process` does."""
    by_process = dict(zip(map(attrgetter("repeat"), rows), rows, strict=True))
    return by_process if len(by_process) == len(rows) else rows_by_process(rows, rows[0].backend)


def _of_pairs(
    size: float, taken: int, incumbents: Sequence[Measurement], challengers: Sequence[Measurement]
) -> Point:
    """Return the point of the processes that measured both; ``taken`` counts contended ones too."""
    mean = mean_ratio(challengers, incumbents)
    count = len(mean.ratios)
    is_one_state = not mean.of_two_states
    return Point(
        size=size,
        mean=mean.middle,
        processes=tuple(row.repeat for row in incumbents) if is_one_state else (),
        ratios=mean.ratios if is_one_state else (),
        count=count,
        error=mean.error,
        df=mean.df,
        weight=mean.weight,
        taken=taken,
        hidden=(UNKNOWN, UNKNOWN) if count == 1 else _hidden(challengers, incumbents, mean.beyond),
    )


def _hidden(
    challengers: Sequence[Measurement],
    incumbents: Sequence[Measurement],
    beyond: tuple[float, float],
) -> tuple[float, float]:
    moved = between_call_sites(challengers, incumbents)
    below, above = hidden(challengers, incumbents)
    return below + moved + beyond[0], above + moved + beyond[1]


def between_call_sites(*backends: Iterable[Measurement]) -> float:
    """Return how far the log-ratio moves if functions are called ``f(*data)``, not ``f(a, b)``.

    No interval of short calls can be narrower than this difference between two programs that call
    the same functions. 0 for long calls.
    """
    moved = [
        median(
            log(row.unpacked_seconds / row.seconds) if row.unpacked_seconds and row.seconds else 0.0
            for row in rows
        )
        if any(map(attrgetter("unpacked_seconds"), rows))
        else 0.0
        for rows in map(list, backends)
    ]
    return max(moved) - min(moved)


def _logs(rows: Iterable[Measurement]) -> Iterator[float]:
    return map(log, map(attrgetter("seconds"), rows))


def _log(row: Measurement) -> float:
    assert row.seconds is not None, "rows without a time were left out"
    return log(row.seconds)


def _of_single_values(size: float, incumbent: Measurement, challenger: Measurement) -> Point:
    """Return the point of two single values, with the interval that their files state, if any."""
    stated = None
    if _states_interval(incumbent) or _states_interval(challenger):
        (low, high), (other_low, other_high) = _ends(incumbent), _ends(challenger)
        stated = (other_low - high, other_high - low)
    spread = hypot(
        *(row.stdev / row.seconds for row in (incumbent, challenger) if row.stdev and row.seconds)
    )
    return Point(size, _log(challenger) - _log(incumbent), stated=stated, spread=spread)


def _states_interval(row: Measurement) -> bool:
    return row.low is not None or row.high is not None


def _ends(row: Measurement) -> tuple[float, float]:
    """Return the logarithms of the ends of the stated interval, or twice that of the value."""
    if not _states_interval(row):
        return _log(row), _log(row)
    return log(row.low) if row.low else -inf, log(row.high) if row.high else inf


def _of_unpaired(
    size: float, incumbent: Sequence[Measurement], challenger: Sequence[Measurement]
) -> Point:
    """Return the point of two trimmed means, with Welch's degrees of freedom.

    A single value of one backend is assumed to vary as the other's values do.
    """
    logs = [np.array(list(_logs(rows))) for rows in (incumbent, challenger)]
    means, errors, dfs = zip(*(trimmed(values) for values in logs), strict=True)
    mean = float(means[1] - means[0])
    counts = [len(values) for values in logs]
    # If both vary alike, a ratio of single values has twice the variance of one value.
    weight = 2 / (1 / counts[0] + 1 / counts[1])
    if min(dfs) > 0:
        error, df = welch([float(error) for error in errors], dfs)
    else:
        several = int(dfs[1] > 0)
        error = float(errors[several]) * sqrt(1 + counts[several])
        df = float(dfs[several])
    return Point(
        size=size,
        mean=mean,
        count=min(counts),
        taken=min(counts),
        error=error,
        df=df,
        weight=weight,
    )


def _with_prior(point: Point, prior_variance: float, prior_df: float, confidence: float) -> Point:
    """Return the point with ``prior_variance`` pooled in at ``prior_df`` degrees of freedom."""
    total, error = point.df + prior_df, point.error
    if prior_df:
        variance = (point.df * error**2 * point.weight + prior_df * prior_variance) / total
        error = sqrt(variance / point.weight)
    return replace(point, error=error, df=total, confidence=confidence)


def _typical(
    variances: Mapping[float, tuple[float, int]], sizes: Iterable[float]
) -> dict[float, tuple[float, float]]:
    """Return for each size the typical variance of the others and its degrees of freedom.

    It is their median, weighted by degrees of freedom, each divided by the median of its
    distribution, as a variance with few degrees is mostly too small. 0 and 0 without others.
    """
    fair = sorted((variance / _median(df), df, size) for size, (variance, df) in variances.items())
    below = list(accumulate(df for _, df, _ in fair))
    ranks = {size: (rank, df) for rank, (_, df, size) in enumerate(fair)}
    every = below[-1] if below else 0
    typical = {}
    for size in sizes:
        rank, df = ranks.get(size, (0, 0))
        others = every - df
        middle = bisect_left(below, others / 2)
        if middle >= rank:  # up to there the size's own degrees are among those below
            middle = bisect_left(below, others / 2 + df)
        typical[size] = (fair[middle][0], min(_BORROWED, float(others))) if others else (0.0, 0.0)
    return typical


@lru_cache
def _median(df: int) -> float:
    """Return the median of a variance with these degrees of freedom, over the true variance."""
    from scipy import special  # not for the help of a command

    return 2 * float(special.gammaincinv(df / 2, 0.5)) / df


def _signed(points: list[Point]) -> list[Point]:
    """Return the points with ``sign`` and ``is_tie``.

    Single values from other tools decide, except where a few in the middle change sides by no more
    than a tie or their stated deviation, and then change back: that is noise.
    """
    signs = [_sign(point) for point in points]
    decided = [index for index, sign in enumerate(signs) if sign]
    stretches = [list(members) for _, members in groupby(decided, key=signs.__getitem__)]
    for members in stretches[1:-1]:
        if all(_negligible(points[index]) for index in members):
            for index in members:
                signs[index] = 0
    return [
        replace(point, sign=sign, is_tie=_is_tie(point))
        for point, sign in zip(points, signs, strict=True)
    ]


def with_ratio(point: Point, ratio: Interval | None) -> Point:
    """Return the point with ``ratio`` and its interval, computed elsewhere from the same rows.

    The point is unchanged if that is None, or if it is of single values.
    """
    if ratio is None or not point.df:
        return point
    mean = log(ratio.estimate)
    ends = (
        UNKNOWN if ratio.low is None else mean - log(ratio.low),
        UNKNOWN if ratio.high is None else log(ratio.high) - mean,
    )
    half_width = min((end for end in ends if end < UNKNOWN), default=0.0)
    below, above = (UNKNOWN if end >= UNKNOWN else end - half_width for end in ends)
    point = replace(
        point,
        mean=mean,
        error=half_width / quantile(point.df, point.confidence),
        hidden=(below, above),
    )
    return replace(point, sign=_sign(point), is_tie=_is_tie(point))


def _is_tie(point: Point) -> bool:
    low, high = point.interval()
    return low >= -TIE and high <= TIE


def _sign(point: Point) -> int:
    low, high = point.interval()
    if (point.df or point.stated is not None) and low <= 0 <= high:
        return 0
    if min(point.hidden) >= UNKNOWN:
        return 0
    return (point.mean > 0) - (point.mean < 0)


def _negligible(point: Point) -> bool:
    return point.df == 0 and abs(point.mean) <= max(TIE, point.spread)


def steepest(points: Sequence[Point], index: int) -> tuple[float, float]:
    """Return the steepest fall and rise of the log-ratio around the gap after ``index``.

    Each is less one standard error, as neighbours differ by noise too; 0 without a fall or rise.
    """
    around = range(max(0, index - 1), min(len(points) - 1, index + 2))
    slopes = [_sure_slope(points[left], points[left + 1]) for left in around]
    return max(0.0, -min(slopes)), max(0.0, *slopes)


def slope(left: Point, right: Point) -> float:
    """Return the change of the log-ratio per logarithm of the size."""
    return (right.mean - left.mean) / (right.x - left.x)


def _sure_slope(left: Point, right: Point) -> float:
    if left.uninformative or right.uninformative:
        return 0.0
    noise = hypot(left.error, right.error) / (right.x - left.x)
    steep = slope(left, right)
    return copysign(max(0.0, abs(steep) - noise), steep)
