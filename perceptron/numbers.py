"""Numbers as people read them: three digits, a unit, an interval.

Every number that a table, a figure, a page or a comment shows is formatted here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import floor, log10

NONE = "–"
"""Shown where there is no number."""

_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
_THOUSANDS = ((1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k"), (1.0, ""))
_JOULES = ((1.0, "J"), (1e-3, "mJ"), (1e-6, "µJ"), (1e-9, "nJ"))
_BYTES = {"GiB": 2**30, "MiB": 2**20, "KiB": 2**10}
# A rough share below this is not written with all its digits.
_LEAST_SHARE = 1e-6
# A share beyond this is written with an exponent, not with all its digits.
_ABSURD_SHARE = 1e4
# An interval whose ends are so many times apart is not written out.
_SAYS_NOTHING = 100.0


def digits(value: float, significant: int = 3) -> str:
    """Return the value rounded to significant digits: 0.0412, 4.12, 412, 41,200.

    An exponent only where there are too many zeros to count: 1.5e-20.
    """
    if value == 0:
        return "0"
    if not 1e-13 < abs(value) < 1e15:
        return f"{value:.{significant}g}"
    decimals = significant - 1 - floor(log10(abs(value)))
    rounded = round(value, decimals)
    return f"{rounded:,.{max(0, decimals)}f}"


def count(number: float) -> str:
    """Return a number with all its digits, the thousands set apart: 41,200."""
    return f"{number:,}"


def enumerated(words: Iterable[str]) -> str:
    """Return the words as a sentence lists them: ``rows, features and batch``; at least one."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def large(number: float) -> str:
    """Return a count in thousands, millions …: 812, 4.12 k, 48.4 M."""
    scale, prefix = _unit(number, _THOUSANDS)
    return f"{digits(number / scale)}{prefix}"


def rows_per_second(rate: float) -> str:
    """Return how many rows are trained on in a second: ``533 k rows/s``."""
    return f"{large(rate)} rows/s"


def duration(seconds: float) -> str:
    """Return a time in the unit that gives it one to three digits before the point."""
    scale, unit = _unit(seconds)
    return f"{digits(seconds / scale)} {unit}"


def tick(seconds: float) -> str:
    """Return a round time at an axis: 10 µs, 0.5 ms."""
    scale, unit = _unit(seconds, tolerance=0.999)
    return f"{seconds / scale:g} {unit}"


def duration_interval(seconds: float, low: float | None, high: float | None) -> str:
    """Return a time with its interval in one unit, or a note that there is none."""
    scale, unit = _unit(seconds)
    return f"{interval(seconds / scale, _over(low, scale), _over(high, scale))} {unit}"


def two_durations(before: float, after: float) -> str:
    """Return ``1.000 → 1.081 ms``: in one unit, with the digits of small changes."""
    scale, unit = _unit(before)
    decimals = max(0, 3 - floor(log10(before / scale)))
    return f"{before / scale:,.{decimals}f} → {after / scale:,.{decimals}f} {unit}"


def interval(value: float, low: float | None, high: float | None) -> str:
    """Return ``4.12 [4.05, 4.19]``; an end that is None is open, and two are no interval.

    Of two values that differ it reaches from nearly 0 to nearly infinity, and is not written out.
    """
    if low is None and high is None:
        return f"{digits(value)} [no interval]"
    if low is not None and high is not None and 0 < _SAYS_NOTHING * low < high:
        return f"{digits(value)} [too few values]"
    ends = ("…" if end is None else digits(end) for end in (low, high))
    return f"{digits(value)} [{', '.join(ends)}]"


def ratio(value: float | None, low: float | None, high: float | None) -> str:
    """Return a ratio with its interval; ``1`` where a thing is compared with itself."""
    if value is None:
        return NONE
    return "1" if low == high == 1.0 else interval(value, low, high)


def times_as_long(
    ratio: float, low: float | None = None, high: float | None = None, other: str = ""
) -> str:
    """Return ``1.88× as long [1.84, 1.92]``; with another's name ``… as long as numpy […]``."""
    ends = ", ".join("…" if end is None else _two(end) for end in (low, high))
    bracket = "" if low is None and high is None else f" [{ends}]"
    return f"{_two(ratio)}× as long{f' as {other}' if other else ''}{bracket}"


def _two(value: float) -> str:
    return f"{value:.2f}" if 0.1 <= value < 10 else digits(value)


def percent(share: float, decimals: int = 1, *, sign: bool = False) -> str:
    """Return a share as ``3.1%``; with ``sign`` also a rise has one: ``+3.1%``, but nothing."""
    return f"{_hundredths(share, decimals, sign)}%"


def rough_percent(share: float) -> str:
    """Return a share to about two digits: 84%, 2.3%, 0.0011%, under 0.0001%."""
    if 0 < share < _LEAST_SHARE:
        return f"under {100 * _LEAST_SHARE:.4f}%"
    return percent(share, 0) if share >= 0.1 else f"{100 * share:.2g}%"


def rough_percent_interval(share: float, low: float | None, high: float | None) -> str:
    """Return ``4.1% [3.9, 4.3]``; an end that is None is open, and two are no interval."""
    ends = (None if end is None else 100 * end for end in (low, high))
    return f"{interval(100 * share, *ends).replace(' [', '% [', 1)}"


def rate(bytes_per_second: float) -> str:
    """Return a rate of bytes: ``24.3 GB/s``."""
    return f"{digits(bytes_per_second / 1e9)} GB/s"


def joules(energy: float) -> str:
    """Return an energy in the unit that gives it one to three digits before the point."""
    scale, unit = _unit(energy, _JOULES)
    return f"{digits(energy / scale)} {unit}"


def memory(size: int, unit: str = "GiB") -> str:
    """Return bytes in GiB, MiB or KiB."""
    return f"{size / _BYTES[unit]:,.1f} {unit}"


def _hundredths(share: float, decimals: int, sign: bool) -> str:
    form = f".{decimals}f" if abs(share) < _ABSURD_SHARE else ".2g"
    text = f"{100 * share:{'+' if sign else ''}{form}}"
    return text.lstrip("+-") if float(text) == 0 else text


def _unit(
    value: float, units: Sequence[tuple[float, str]] = _UNITS, tolerance: float = 1.0
) -> tuple[float, str]:
    """Return the largest unit of which there is one, with its size; else the smallest."""
    return next((pair for pair in units if abs(value) >= pair[0] * tolerance), units[-1])


def _over(value: float | None, scale: float) -> float | None:
    return None if value is None else value / scale
