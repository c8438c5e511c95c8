"""How sure: intervals from one number a process."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import exp, inf, sqrt

import numpy as np
import numpy.typing as npt
from msgspec import Struct
from scipy import stats

CONFIDENCE = 0.95
# Largest share of the processes left out on each side, where there are enough to spare some:
# below eight, the degrees of freedom that trimming costs widen the interval more than it saves.
_TRIM = 0.2
_ENOUGH = 8


class Interval(Struct, frozen=True):
    """An estimate with its 95 % interval; ``low`` and ``high`` are None for a single value."""

    estimate: float
    low: float | None
    high: float | None


def robust_mean(
    values: Sequence[float] | npt.NDArray[np.float64], confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """The trimmed mean and half the width of its interval (inf for a single value).

    A neighbour's burst slows a whole process now and then; one such process in ten would double
    the interval of an ordinary mean. Interval after Yuen, Biometrika 61 (1974): Student's t with
    the winsorised deviation. Student's and not a bootstrap, whose percentile
    interval covers 81 % instead of 95 % with five processes.
    """
    ordered = np.sort(np.asarray(values, np.float64))
    count = len(ordered)
    cut = int(_TRIM * count) if count >= _ENOUGH else 0
    middle = float(ordered[cut : count - cut].mean())
    if count < 2:
        return middle, inf
    deviation = float(np.clip(ordered, ordered[cut], ordered[count - cut - 1]).std(ddof=1))
    kept = count - 2 * cut
    return middle, _quantile(kept - 1, confidence) * deviation * sqrt(
        (count - 1) / (kept * (kept - 1))
    )


@lru_cache
def _quantile(freedom: int, confidence: float) -> float:
    return float(stats.t.ppf((1 + confidence) / 2, freedom))


def of_times(seconds: Sequence[float]) -> Interval:
    """The typical one of times, one for each process, with its interval.

    Times vary by factors, not by amounts, so everything is done in logarithms.
    Raises ValueError without a value.
    """
    if not seconds:
        raise ValueError("no times to average")
    middle, reach = robust_mean(np.log(seconds))
    if len(seconds) < 2:
        return Interval(exp(middle), None, None)
    return Interval(exp(middle), exp(middle - reach), exp(middle + reach))


def of_ratio(numerators: Sequence[float], denominators: Sequence[float]) -> Interval:
    """The ratio of times measured side by side: the two sequences pair up, process by process."""
    return of_times([over / under for over, under in zip(numerators, denominators, strict=True)])
