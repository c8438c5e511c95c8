"""How much more processes would tell about a family: where its answer is undecided, or wide."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import inf, log

from msgspec import Struct

from perceptron.analysis.crossover.judge import crossovers
from perceptron.analysis.crossover.points import Point, points
from perceptron.analysis.interval import CONFIDENCE, LARGEST_LOG, TIE, of_times
from perceptron.analysis.select import times
from perceptron.grouping import grouped
from perceptron.records.measurement import Measurement


class Doubt(Struct, frozen=True, order=True):
    """The larger, the more there is to learn.

    ``unsure`` says that more processes may change an answer, ``width`` is half the widest 95%
    interval in it, as a logarithm. What waiting for cores may hide is in neither: more processes
    do not make that smaller.
    """

    unsure: bool
    width: float
    sizes: tuple[float, ...] = ()
    """Sizes at which more processes may change an answer."""


def doubt_of(rows: Iterable[Measurement]) -> Doubt:
    """Judge the rows of one family and number of threads; nothing measured is all in doubt."""
    rows = list(rows)
    if not any(row.status == "ok" for row in rows):
        return Doubt(True, inf)
    pairs = [pair for pair in crossovers(rows) if pair.ratio_at]
    if not pairs:
        return Doubt(False, max(_time_widths(rows), default=inf))
    sizes, width = set[float](), 0.0
    for pair in pairs:
        # A gap between two decided sizes is left to a search: more repeats do not close it.
        stretches = [(-inf, inf)] if pair.status == "undecided" else pair.undecided
        for point in points(rows, pair.incumbent, pair.challenger):
            low, high = _by_repeats(point)
            width = max(width, (high - low) / 2)
            may_turn = low <= 0 <= high and max(-low, high) > TIE
            if may_turn and any(first <= point.size <= last for first, last in stretches):
                sizes.add(point.size)
    return Doubt(bool(sizes), width, tuple(sorted(sizes)))


def _by_repeats(point: Point) -> tuple[float, float]:
    """Return the 95% interval of one size by itself, as far as more repeats may make it smaller."""
    low, high = point.interval(CONFIDENCE)
    if max(-low, high) >= LARGEST_LOG:
        return -inf, inf
    hidden = point.hidden if point.freedom else 0.0
    return low + hidden, high - hidden


def _time_widths(rows: Sequence[Measurement]) -> Iterable[float]:
    """Yield half the width of each backend's interval at each size, as a logarithm."""
    groups = grouped(rows, lambda row: (row.backend, row.problem, row.size))
    for (backend, *_), members in groups.items():
        seconds = list(times(members, backend).values())
        if seconds:
            time = of_times(seconds)
            yield log(time.high / time.low) / 2 if time.low and time.high else inf
