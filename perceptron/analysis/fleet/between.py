"""A time between two sizes that were measured: on the line between them, both axes logarithmic."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log

from msgspec import Struct

from perceptron.analysis.interval import Interval

Known = Sequence[tuple[float, Interval]]
"""Times at sizes, ascending and above 0."""


class TimeAt(Struct, frozen=True):
    """A time at one size; an estimate stands ``between`` two measured ones, None where measured."""

    seconds: Interval
    between: tuple[float, float] | None


def time_at(known: Known, size: float) -> TimeAt | None:
    """Return the time at a size: as measured, else estimated; None outside of what was measured.

    The line between the logarithms of two neighbours is off by at most |f″|/2 · t(1 − t)h², for the
    share t of their distance h (the error of linear interpolation; Davis, Interpolation and
    Approximation, 1975, chapter 3). How much log time bends, f″, is the larger of what the second
    differences at both neighbours say; where there are no further sizes nothing tells, and the
    interval holds the intervals of both neighbours. Ends that are not known stay so.
    """
    exact = next((value for at, value in known if at == size), None)
    if exact is not None:
        return TimeAt(exact, None)
    above = next((index for index, (at, _) in enumerate(known) if at > size), 0)
    if above == 0:
        return None
    (low_size, left), (high_size, right) = known[above - 1], known[above]
    apart = log(high_size / low_size)
    share = log(size / low_size) / apart
    estimate = exp(_mix(log(left.estimate), log(right.estimate), share))
    between = (low_size, high_size)
    bend = _bend(known, above)
    if left.low is None or left.high is None or right.low is None or right.high is None:
        return TimeAt(Interval(estimate, None, None), between)
    if bend is None:
        ends = Interval(estimate, min(left.low, right.low), max(left.high, right.high))
        return TimeAt(ends, between)
    off = bend / 2 * share * (1 - share) * apart**2
    low = exp(_mix(log(left.low), log(right.low), share) - off)
    high = exp(_mix(log(left.high), log(right.high), share) + off)
    return TimeAt(Interval(estimate, low, high), between)


def _mix(left: float, right: float, share: float) -> float:
    return (1 - share) * left + share * right


def _bend(known: Known, above: int) -> float | None:
    """Return |f″| of log time around the gap below ``above``; None without a size beside it."""
    inner = [index for index in (above - 1, above) if 0 < index < len(known) - 1]
    return max((abs(_second(known, index)) for index in inner), default=None)


def _second(known: Known, index: int) -> float:
    """Return twice the second divided difference at a size with neighbours on both sides."""
    (a, left), (b, middle), (c, right) = known[index - 1 : index + 2]
    rise = log(right.estimate / middle.estimate) / log(c / b)
    before = log(middle.estimate / left.estimate) / log(b / a)
    return 2 * (rise - before) / log(c / a)
