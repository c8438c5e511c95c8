"""Reasons why a pair is undecided, or decided in part, as sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import exp

from perceptron.numbers import times_as_long
from perceptron.options import more_time
from perceptron.questions.crossover.points import Point, ratio_at
from perceptron.records.measurement import Measurement
from perceptron.statistics.contention import is_contended
from perceptron.statistics.over_processes import sides_of
from perceptron.statistics.rough import TOO_BUSY, not_decided, rough, what_helps
from perceptron.statistics.select import is_of_suite
from perceptron.statistics.sizes import number, sized

SINGLE_SIZE = "a single size decides nothing"


def exceptional_ratio(
    points: Sequence[Point], apart: Sequence[int], challenger: str, axis: str
) -> str | None:
    """Return a sentence on the first exceptional size and its neighbours; None without any.

    ``apart`` holds the indices of the exceptional points.
    """
    if not apart:
        return None
    beside = points[apart[0] - 1 : apart[0] + 2]
    left, here, right = (times_as_long(ratio_at(point).estimate) for point in beside)
    low, at, high = (number(point.size) for point in beside)
    more = f" and {len(apart) - 1} more" if len(apart) > 1 else ""
    return (
        f"the ratio at {sized(at, axis)}{more} is an exception: {challenger} takes {here} there, "
        f"{left} at {low} and {right} at {high}"
    )


def too_busy(
    points: Sequence[Point],
    by_size: Sequence[Mapping[float, Sequence[Measurement]]],
    pair: tuple[str, str],
    source: str | None,
    threads: int | None,
    axis: str,
) -> str | None:
    """Return a rough answer if contention leaves sizes undecided, else None."""
    contended = [
        row
        for point in points
        if point.uninformative
        for rows in by_size
        for row in rows[point.size]
    ]
    if not any(map(is_contended, contended)):
        return None
    _, (incumbent, challenger) = sides_of(*pair, source)
    leads = (incumbent.does("lead"), challenger.does("lead"))
    answer = rough(by_size, leads, f"{incumbent.short} and {challenger.name}", axis)
    why = TOO_BUSY
    if any((row.waited or 0.0) >= 1 for row in contended):  # only several threads wait so long
        why = "threads waited for each other, times may be many times too long"
    return f"{not_decided(answer, contended)}; {why}; next: {what_helps(threads)}"


def no_winner(
    points: Sequence[Point],
    rows: Sequence[Measurement],
    decided_ranges: int,
    pair: tuple[str, str],
    axis: str,
) -> str | None:
    """Return the reason for no winner; None if ``decided_ranges``, a number, is not 0."""
    names = " and ".join(pair)
    if len(points) == 1:
        takes = times_as_long(exp(points[0].mean))
        return f"{SINGLE_SIZE}: {pair[1]} takes {takes} there"
    if decided_ranges:
        return None
    if any(point.stated is not None for point in points):
        return f"the intervals of {names} overlap at every size"
    fewest = min(point.count for point in points)
    following = f"; next: {more_time()}" if all(map(is_of_suite, rows)) else ""
    if fewest == 1:
        return f"one repeat cannot separate {names}{following}"
    nearest = min(points, key=_width)
    ratio = ratio_at(nearest)
    takes = times_as_long(ratio.estimate, *ratio.ends)
    return f"too noisy: {pair[1]} takes {takes} at {sized(number(nearest.size), axis)}{following}"


def _width(point: Point) -> float:
    """Return the width of the log-ratio's interval."""
    low, high = point.interval()
    return high - low
