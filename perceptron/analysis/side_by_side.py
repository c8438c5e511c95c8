"""Two backends in the same processes: the ratio of their times, which drift leaves alone."""

from __future__ import annotations

from collections.abc import Iterable

from perceptron.analysis.contention import hidden, those_that_count
from perceptron.analysis.interval import Interval, of_ratio
from perceptron.analysis.select import rows_by_process
from perceptron.records.measurement import Measurement


def ratio_of(rows: Iterable[Measurement], first: str, second: str) -> Interval | None:
    """Return the time of the first backend over that of the second, of one problem.

    From the processes that measured both, from uncontended ones if there are enough; else the
    interval holds what waiting may hide. None where no process measured both.
    """
    sides = counted_rows(rows, first, second)
    if not sides[0]:
        return None
    numerators, denominators = ([row.seconds or 0.0 for row in side] for side in sides)
    return of_ratio(numerators, denominators, hidden(*sides))


def counted_rows(
    rows: Iterable[Measurement], first: str, second: str
) -> tuple[list[Measurement], list[Measurement]]:
    """Return the rows of each backend that their ratio is made of, process by process."""
    rows = list(rows)
    of_first, of_second = rows_by_process(rows, first), rows_by_process(rows, second)
    counted = those_that_count(sorted(of_first.keys() & of_second), of_second, of_first)
    return [of_first[process] for process in counted], [of_second[process] for process in counted]
