"""Confidence intervals from one number per process: Yuen's trimmed means with Student's t.

They are of times, and of ratios of times that the same processes measured side by side, in which
drift cancels out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain
from math import cos, exp, inf, log, pi, sin, sqrt, tan
from operator import attrgetter
from typing import Any, Literal, NamedTuple

import numpy as np
from msgspec import Struct

from perceptron.records.measurement import Measurement
from perceptron.statistics.contention import hidden, side_by_side
from perceptron.statistics.select import rows_by_process
from perceptron.statistics.states import TwoStates, states_of
from perceptron.statistics.trimmed_mean import Array, trimmed_mean

CONFIDENCE = 0.95
LARGEST_LOG = 709.0
"""Its exponential is nearly the largest float; an interval that reaches further ends there."""
TIE = log(1.05)
"""The log-ratio of a tie: a lead within ±5% does not matter in practice."""
# Largest share of the processes trimmed on each side, from eight processes on: of fewer, the
# degrees of freedom that trimming costs widen the interval more than it saves.
_TRIM = 0.2
_ENOUGH = 8
# Up to these degrees of freedom scipy is not imported: that takes longer than a stored answer may.
_FEW = 30
_HALVINGS = 60
# Largest correlation of neighbouring processes: a few values overestimate it.
_MOST_ALIKE = 0.7


class Interval(Struct, frozen=True):
    """An estimate with its 95% interval; ``low`` and ``high`` are None for a single value."""

    estimate: float
    low: float | None
    high: float | None

    @property
    def ends(self) -> tuple[float | None, float | None]:
        """Both ends."""
        return self.low, self.high

    @property
    def is_tie(self) -> bool:
        """Whether the whole interval of a ratio lies within ±5%."""
        if self.low is None or self.high is None:
            return False
        return log(self.high) <= TIE and log(self.low) >= -TIE


Standing = Literal["tie", "slower", "faster", "open"]


def standing(ratio: Interval | None) -> Standing:
    """Return how the first of two times compares to the second, from their ratio.

    >>> standing(Interval(1.02, 1.0197, 1.0202)), standing(Interval(1.5, 1.2, 1.8))
    ('tie', 'slower')
    >>> standing(Interval(1.5, 0.9, 2.5)), standing(Interval(1.5, None, None))
    ('open', 'open')
    """
    if ratio is None:
        return "open"
    if ratio.is_tie:
        return "tie"
    if ratio.low is not None and ratio.low > 1:
        return "slower"
    if ratio.high is not None and ratio.high < 1:
        return "faster"
    return "open"


def scaled(value: Interval, factor: float) -> Interval:
    """Return the interval of ``factor`` times a value; ``factor`` is above 0."""
    ends = (None if end is None else factor * end for end in (value.low, value.high))
    return Interval(factor * value.estimate, *ends)


def inverse(ratio: Interval) -> Interval:
    """Return the interval of 1 / ``ratio``."""
    low, high = (None if not end else 1 / end for end in (ratio.high, ratio.low))
    return Interval(1 / ratio.estimate, low, high)


def robust_mean(
    values: Sequence[float] | Array, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """Return the trimmed mean of values in the order measured, and half its interval's width.

    The half width is inf for a single value.
    """
    middle, error, df = trimmed(np.asarray(values, np.float64))
    return float(middle), float(error) * quantile(df, confidence) if df else inf


def trimmed(values: Array) -> tuple[Any, Any, int]:
    """Return trimmed means over the last axis, their standard errors, and the degrees of freedom.

    Values are in the order measured. A burst of other load slows a whole process now and then; one
    slow process in ten would double the interval of an ordinary mean. The interval is Student's t
    with the winsorised deviation (Yuen, Biometrika 61, 1974), not a bootstrap, whose percentile
    interval covers 83% instead of 95% with five processes. A single value has no error: 0, with 0
    degrees.
    """
    count = values.shape[-1]
    if count == 1:  # there may be tens of thousands of these
        return values[..., 0], np.zeros(values.shape[:-1]), 0
    cut = int(_TRIM * count) if count >= _ENOUGH else 0
    middle, error, df = trimmed_mean(values, cut)
    return middle, error * _correlation_factor(values) if cut else error, df


def _correlation_factor(values: Array) -> Any:
    """Return the factor by which correlated neighbouring processes widen the error; 1 without.

    On shared machines they correlate by 0.1 to 0.6. The mean of a first-order autoregression with
    correlation r varies as that of independent values times (1 + r)/(1 − r); 1/n offsets how much
    too small r comes out of n values (Marriott and Pope, Biometrika 41, 1954). Over consecutive
    stretches of 240 real processes it takes the coverage of the interval from 93 to 95%.
    """
    centred = values - np.median(values, axis=-1)[..., None]
    total = (centred**2).sum(axis=-1)
    lagged = (centred[..., 1:] * centred[..., :-1]).sum(axis=-1)
    with np.errstate(invalid="ignore"):
        correlation = np.where(total > 0, lagged / total, 0.0) + 1 / values.shape[-1]
    correlation = np.clip(correlation, 0.0, _MOST_ALIKE)
    return np.sqrt((1 + correlation) / (1 - correlation))


@lru_cache(maxsize=4096)
def quantile(df: float, confidence: float) -> float:
    """Return the quantile of Student's t: half an interval's width in standard errors."""
    if df <= _FEW and df == int(df):
        return _t_quantile(int(df), confidence)
    from scipy import special

    return float(special.stdtrit(df, (1 + confidence) / 2))


def _t_quantile(df: int, confidence: float) -> float:
    """Return `quantile` by bisection of the distribution."""
    low, high = 0.0, pi / 2
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if _t_probability(middle, df) < confidence:
            low = middle
        else:
            high = middle
    return sqrt(df) * tan((low + high) / 2)


def _t_probability(angle: float, df: int) -> float:
    """Return the probability of less than ``sqrt(df) * tan(angle)`` standard errors.

    Abramowitz and Stegun, 26.7.3 and 26.7.4.
    """
    is_odd, cosine = df % 2, cos(angle)
    term = (1.0, cosine)[is_odd]
    total = 0.0 if df == 1 else term
    for power in range(is_odd + 2, df - 1, 2):
        term *= cosine**2 * (power - 1) / power
        total += term
    share = sin(angle) * total
    return 2 / pi * (angle + share) if is_odd else share


def welch(errors: Sequence[float], dfs: Sequence[float]) -> tuple[float, float]:
    """Return the error of a difference of two means, and Welch's degrees of freedom.

    After Yuen also of trimmed means. None of ``dfs`` is 0.
    """
    squares = [error**2 for error in errors]
    spread = sum(square**2 / df for square, df in zip(squares, dfs, strict=True))
    return sqrt(sum(squares)), sum(squares) ** 2 / spread if spread else sum(dfs)


def of_times(seconds: Sequence[float]) -> Interval:
    """Return the typical time of ``seconds``, one for each process, with Yuen's interval.

    Times vary by factors, not by amounts, so the mean is that of logarithms. Raises ValueError
    without a time.
    """
    if not seconds:
        raise ValueError("no times to average")
    return _of_mean(np.log(seconds))


def _of_mean(
    logarithms: Array, beyond: tuple[float, float] = (0.0, 0.0), confidence: float = CONFIDENCE
) -> Interval:
    middle, half_width = robust_mean(logarithms, confidence)
    return of_logarithms(middle, middle - half_width - beyond[0], middle + half_width + beyond[1])


def of_logarithms(middle: float, *ends: float) -> Interval:
    """Return the interval with these logarithms; an end that no float holds is None."""
    low, high = (exp(end) if abs(end) < LARGEST_LOG else None for end in ends)
    return Interval(exp(min(max(middle, -LARGEST_LOG), LARGEST_LOG)), low, high)


def of_ratio(
    numerators: Sequence[float],
    denominators: Sequence[float],
    beyond: tuple[float, float] = (0.0, 0.0),
    confidence: float = CONFIDENCE,
) -> Interval:
    """Return the ratio of times measured side by side, paired by process.

    ``beyond`` widens the interval of the logarithm below and above, for errors that the times do
    not show. Raises ValueError without a pair, or if the lengths differ.
    """
    if not numerators or len(numerators) != len(denominators):
        raise ValueError("no pairs of times to compare")
    # The quotient itself may be beyond all floats.
    return _of_mean(np.log(numerators) - np.log(denominators), beyond, confidence)


def ratio_within(
    rows: Iterable[Measurement], first: str, second: str, confidence: float = CONFIDENCE
) -> Interval | None:
    """Return the time of the first backend over that of the second, of one problem and run.

    It rests on the processes that measured both, on uncontended ones if there are enough; else the
    interval includes what waiting may hide. None if no process measured both.
    """
    sides = counted_rows(rows, first, second)
    if not sides[0]:
        return None
    mean = mean_ratio(*sides)
    half_width = mean.error * quantile(mean.df, confidence) if mean.df else inf
    below, above = (waited + more for waited, more in zip(hidden(*sides), mean.beyond, strict=True))
    return of_logarithms(
        mean.middle, mean.middle - half_width - below, mean.middle + half_width + above
    )


class MeanRatio(NamedTuple):
    """The mean of log-ratios of pairs of rows, and what its interval is made of."""

    ratios: Array
    middle: float
    error: float
    """Standard error; 0 of a single ratio."""
    df: int
    weight: int
    """The error's square times this is the variance of one ratio."""
    beyond: tuple[float, float] = (0.0, 0.0)
    """How far below and above ``middle`` the means of the machine's two states lie."""
    of_two_states: bool = False


def mean_ratio(numerators: Sequence[Measurement], denominators: Sequence[Measurement]) -> MeanRatio:
    """Return the mean of the log-ratios of rows measured side by side.

    If either side was measured in two states of the machine, the interval spans the ratios of both:
    a decision then holds in both, whatever the number of repeats in each.
    """
    logarithms = (
        np.log([row.seconds or 0.0 for row in side]) for side in (numerators, denominators)
    )
    ratios = next(logarithms) - next(logarithms)
    middle, error, df = trimmed(ratios)
    mean = MeanRatio(ratios, float(middle), float(error), df, len(ratios))
    splits = (states_of(side).values() for side in (numerators, denominators))
    split_means = [_spanning_states(mean, states) for states in chain(*splits)]
    if not split_means:
        return mean
    widest = max(split_means, key=attrgetter("error"))
    below, above = (max(split.beyond[end] for split in split_means) for end in (0, 1))
    return widest._replace(beyond=(below, above))


def _spanning_states(mean: MeanRatio, states: TwoStates) -> MeanRatio:
    """Return the mean with an interval that spans those of both states.

    The rarer state has few repeats, so the variance within a state is estimated from both.
    """
    groups = [mean.ratios[list(indices)] for indices in (states.lower, states.upper)]
    residuals = mean.ratios.copy()
    for indices, ratios in zip((states.lower, states.upper), groups, strict=True):
        residuals[list(indices)] -= ratios.mean()
    df, fewest = len(residuals) - len(groups), min(map(len, groups))
    error = sqrt(float((residuals**2).sum()) / df / fewest) * float(_correlation_factor(residuals))
    middles = [float(ratios.mean()) for ratios in groups]
    beyond = (max(0.0, mean.middle - min(middles)), max(0.0, max(middles) - mean.middle))
    return MeanRatio(mean.ratios, mean.middle, error, df, fewest, beyond, of_two_states=True)


def counted_rows(rows: Iterable[Measurement], first: str, second: str) -> list[list[Measurement]]:
    """Return the rows of each backend that count in their ratio, paired by process."""
    rows = list(rows)
    return side_by_side(rows_by_process(rows, first), rows_by_process(rows, second))
