"""Logarithmic axes: their range, their ticks, and the words at these."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import floor, log

from perceptron.report.charts.figure import Axis

_MOST_TICKS = 9
# Ends of intervals further away than this factor lie outside the figure.
_FAR = 100.0


def log_axis(
    values: Iterable[float],
    text: Callable[[float], str],
    base: int,
    title: str,
    most: int = 5,
    room: tuple[float, float] = (1.0, 1.0),
) -> Axis:
    """Return an axis over the values, with ticks at powers of the base.

    Between powers of ten stand 2 and 5 as well, as long as there are no more than ``most`` ticks.
    ``room`` are factors by which the axis is longer at its lower and its upper end.
    """
    seen = [value for value in values if value > 0] or [1.0]
    low, high = log(min(seen), base), log(max(seen), base)
    margin = max(0.03 * (high - low), 0.08 if base == 10 else 0.3)
    low -= margin + log(room[0], base)
    high += margin + log(room[1], base)
    ticks = _ticks(low, high, base, most)
    return Axis(
        title=title,
        low=base**low,
        high=base**high,
        ticks=tuple((value, text(value)) for value in ticks),
    )


def _ticks(low: float, high: float, base: int, most: int) -> list[float]:
    powers = range(floor(low), floor(high) + 1)
    if base == 10:
        fine = [step * 10.0**power for power in powers for step in (1, 2, 5)]
        fine = [value for value in fine if low <= log(value, 10) <= high]
        if len(fine) <= most:
            return fine
    step = max(1, -(-len(powers) // _MOST_TICKS))
    return [float(base) ** power for power in powers if power % step == 0 and power >= low]


def within(estimates: Iterable[float], ends: Iterable[float]) -> list[float]:
    """Return the ends of intervals, those far beyond all estimates cut.

    They would flatten the figure.
    """
    seen = list(estimates)
    low, high = min(seen) / _FAR, max(seen) * _FAR
    return [min(max(end, low), high) for end in ends]


def size_text(value: float) -> str:
    """Return a size as an axis shows it: 512, 4 Ki, 2 Mi."""
    for exponent, unit in ((20, "Mi"), (10, "Ki")):
        if value >= 2**exponent:
            return f"{value / 2**exponent:g} {unit}"
    return f"{value:g}"
