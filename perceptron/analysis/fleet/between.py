"""A time between two sizes that were measured: on the line between them, both axes logarithmic."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log

from msgspec import Struct

from perceptron.analysis.interval import LARGEST_LOG, Interval

Known = Sequence[tuple[float, Interval]]
"""Times at sizes, ascending and above 0."""


class TimeAt(Struct, frozen=True):
    """A time at one size; an estimate stands ``between`` two measured ones, None where measured."""

    seconds: Interval
    between: tuple[float, float] | None


def time_at(known: Known, size: float) -> TimeAt | None:
    """Return the time at a size: as measured, else estimated; None outside of what was measured.

    The estimate lies on the line between the logarithms of two neighbours. Where log time bends one
    way, as that of a backend with a start and a price per size does, it lies between this line and
    the lines through the next two sizes on each side, prolonged: the interval reaches as much
    further as these are away. Where nothing tells how it bends, the interval holds those of both
    neighbours. Ends that are not known stay so.
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
    if not (left.low and left.high and right.low and right.high):
        return TimeAt(Interval(estimate, None, None), between)
    off = _off(known, above, share)
    if off is None:
        ends = Interval(estimate, min(left.low, right.low), max(left.high, right.high))
        return TimeAt(ends, between)
    low = exp(_mix(log(left.low), log(right.low), share) - off)
    high = exp(min(_mix(log(left.high), log(right.high), share) + off, LARGEST_LOG))
    return TimeAt(Interval(estimate, low, high), between)


def _mix(left: float, right: float, share: float) -> float:
    return (1 - share) * left + share * right


def _off(known: Known, above: int, share: float) -> float | None:
    """Return how far log time may be off the line below ``above``; None without a size beside it.

    ``share`` is that of the way from the lower neighbour to the upper one.
    """
    chord = _slope(known, above)
    apart = log(known[above][0] / known[above - 1][0])
    away = []
    if above > 1:
        away.append((chord - _slope(known, above - 1)) * apart * share)
    if above < len(known) - 1:
        away.append((_slope(known, above + 1) - chord) * apart * (1 - share))
    if not away:
        return None
    one_way = all(value >= 0 for value in away) or all(value <= 0 for value in away)
    return (min if one_way else max)(map(abs, away))


def _slope(known: Known, index: int) -> float:
    """Return the slope of log time over log size up to this size, from the one before."""
    (left, before), (right, after) = known[index - 1 : index + 1]
    return log(after.estimate / before.estimate) / log(right / left)
