"""Two backends in the same processes: the ratio of their times, which drift leaves alone."""

from __future__ import annotations

from collections.abc import Iterable

from perceptron.analysis.disturbed import hidden, those_that_count
from perceptron.analysis.interval import Interval, of_ratio
from perceptron.analysis.select import rows_by_process
from perceptron.records.measurement import Measurement


def ratio_of(rows: Iterable[Measurement], first: str, second: str) -> Interval | None:
    """Return the time of the first backend over that of the second, of one problem.

    From the processes that measured both, from undisturbed ones if there are enough; else the
    interval holds what waiting may hide. None where no process measured both.
    """
    rows = list(rows)
    of_first, of_second = rows_by_process(rows, first), rows_by_process(rows, second)
    shared = sorted(of_first.keys() & of_second)
    if not shared:
        return None
    counted = those_that_count(shared, of_second, of_first)
    sides = [[side[process] for process in counted] for side in (of_first, of_second)]
    numerators, denominators = ([row.seconds or 0.0 for row in side] for side in sides)
    return of_ratio(numerators, denominators, hidden(*sides))
