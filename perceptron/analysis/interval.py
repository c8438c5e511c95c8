"""How sure: intervals from one number a process."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, inf, log, sqrt

import numpy as np
from msgspec import Struct
from scipy import stats

CONFIDENCE = 0.95


class Interval(Struct, frozen=True):
    """An estimate with its 95 % interval; ``low`` and ``high`` are None for a single value."""

    estimate: float
    low: float | None
    high: float | None


def half_width(deviation: float, count: int) -> float:
    """Half the width of Student's 95 % interval for the mean of ``count`` values.

    Student's and not a bootstrap: with five processes a percentile bootstrap covers 81 %, not 95 %.
    """
    if count < 2:
        return inf
    return float(stats.t.ppf((1 + CONFIDENCE) / 2, count - 1)) * deviation / sqrt(count)


def of_times(seconds: Sequence[float]) -> Interval:
    """The geometric mean of times, one for each process, with its interval.

    Times vary by factors, not by amounts, so everything is done in logarithms.
    Raises ValueError without a value.
    """
    if not seconds:
        raise ValueError("no times to average")
    logs = [log(value) for value in seconds]
    middle = float(np.mean(logs))
    if len(logs) < 2:
        return Interval(exp(middle), None, None)
    reach = half_width(float(np.std(logs, ddof=1)), len(logs))
    return Interval(exp(middle), exp(middle - reach), exp(middle + reach))


def of_ratio(numerators: Sequence[float], denominators: Sequence[float]) -> Interval:
    """The ratio of times measured side by side: the two sequences pair up, process by process."""
    return of_times([over / under for over, under in zip(numerators, denominators, strict=True)])
