"""The median time to a target where some seeds miss it, with its interval.

Seeds that miss the target are censored at the limit: they take longer than that.
Kaplan and Meier's estimate (J. Amer. Statist. Assoc. 53, 1958) of the share that is still under way
is scipy's; the median is where it crosses a half, and its interval where the ends of the estimate's
log-log interval do (Brookmeyer and Crowley, Biometrics 38, 1982).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

from perceptron.analysis.interval import Interval

_HALF = 0.5
# What products of fractions may miss it by.
_ROUNDING = 1e-9


def median_of(times: Sequence[float], reached: Sequence[bool]) -> Interval | None:
    """Return the median of times at which a target was reached, or of when it was given up.

    None where fewer than half reached it, whatever the estimate: it would count seeds that ended
    early like the others. A single time has no interval, and an end of the interval
    beyond all times is open.
    """
    # scipy.stats takes a while to import, and pages of other studies do without.
    from scipy.stats import CensoredData, ecdf

    ends, is_event = np.asarray(times, dtype=float), np.asarray(reached, dtype=bool)
    if not is_event.any() or 2 * is_event.sum() < len(ends):
        return None
    under_way = ecdf(CensoredData.right_censored(ends, ~is_event)).sf
    at, share = under_way.quantiles, under_way.probabilities
    value = _half_point(at, share, ends[is_event])
    if value is None:
        return None
    if len(ends) == 1:
        return Interval(value, None, None)
    with warnings.catch_warnings():
        # At a share of 1 or 0 it has none: the end is open.
        warnings.simplefilter("ignore", RuntimeWarning)
        interval = under_way.confidence_interval(0.95, method="log-log")
    low = _first_below(at, interval.low.probabilities)
    high = _first_below(at, interval.high.probabilities)
    return Interval(value, low, high)


def _half_point(at: np.ndarray, share: np.ndarray, events: np.ndarray) -> float | None:
    """Return where the share falls to a half; the middle of the stretch where it is one exactly.

    That ends at the next seed that reaches it, or where the last one ended, as in R's `survfit`.
    """
    below = np.flatnonzero(share <= _HALF + _ROUNDING)
    if not below.size:
        return None
    first = float(at[below[0]])
    if share[below[0]] < _HALF - _ROUNDING:
        return first
    later = events[events > first]
    return (first + float(later.min() if later.size else at[-1])) / 2


def _first_below(at: np.ndarray, share: np.ndarray) -> float | None:
    below = np.flatnonzero(share <= _HALF)  # of no number this is False
    return float(at[below[0]]) if below.size else None
