"""Numbers as people read them: three digits, a unit, an interval.

Every number that a table, a figure, a page or a comment shows is formatted here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import floor, log10
from typing import Literal

from msgspec import Struct

NONE = "–"
"""Shown where there is no number."""

_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
_THOUSANDS = ((1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k"), (1.0, ""))
_JOULES = ((1.0, "J"), (1e-3, "mJ"), (1e-6, "µJ"), (1e-9, "nJ"))
_BYTES = {"GiB": 2**30, "MiB": 2**20, "KiB": 2**10}
Ends = tuple[float | None, float | None]
"""Of an interval; an end that is None is open, and two are no interval."""
Unit = Literal["", "%", "s", "J", "B", "B/s", "rows/s"]
"""Of the value of a quantity: nothing for a ratio or a number of things, *%* for a share of 1."""
# What a number is divided by to be shown in its unit, or in the largest of which there is one.
_SHOWN_IN: dict[str, tuple[tuple[float, str], ...]] = {
    "": ((1.0, ""),),
    "s": tuple((scale, f" {unit}") for scale, unit in _UNITS),
    "J": tuple((scale, f" {unit}") for scale, unit in _JOULES),
    "B/s": ((1e9, " GB/s"),),
    "B": ((_BYTES["MiB"], " MiB"),),
    "rows/s": tuple((scale, f"{prefix} rows/s") for scale, prefix in _THOUSANDS),
}
# A rough share below this is not written with all its digits.
_LEAST_SHARE = 1e-6
# A share beyond this is written with an exponent, not with all its digits.
_ABSURD_SHARE = 1e4
# An interval whose ends differ by more than this factor is not written out.
_SAYS_NOTHING = 100.0


class Quantity(Struct, frozen=True):
    """A number in a cell of a table, and how every table shows it, see `cell_text`."""

    value: float
    unit: Unit = ""
    interval: Ends | None = None
    """The ends, None for an open one; None without a second value that could tell them apart."""
    digits: int | str = 3
    """The number of significant digits; or the format of the number, such as ``.8f``."""
    before: str = ""
    after: str = ""
    """Words around the number: ``at most``, ``(cached)``."""
    was: float | None = None
    """The value before, in front of an arrow: ``1.000 → 1.081 ms``."""


Cell = str | float | Quantity | None
"""What a table holds: a word, a number of things, a quantity, or nothing."""


def cell_text(cell: Cell) -> str:
    """Return a cell as terminal, page and Markdown show it; nothing is a dash.

    >>> cell_text(Quantity(0.267, "s", (0.177, 0.404)))
    '267 [177, 404] ms'
    >>> [cell_text(cell) for cell in (41200, Quantity(0.0412, "%", (None, 0.05)), None)]
    ['41,200', '4.12% […, 5.00]', '–']
    """
    if isinstance(cell, Quantity):
        return f"{cell.before}{_with_unit(cell)}{cell.after}"
    return NONE if cell is None else cell if isinstance(cell, str) else count(cell)


def cell_value(cell: Cell) -> float | None:
    """Return the number by which rows are sorted; None for words and nothing."""
    if isinstance(cell, Quantity):
        return cell.value
    return None if isinstance(cell, str) else cell


def _with_unit(of: Quantity) -> str:
    if of.unit == "%":
        return _share(of)
    if of.unit == "" and of.interval == (1.0, 1.0):
        return "1"  # a thing that is compared with itself is as large for certain
    scale, unit = _unit(of.value if of.was is None else of.was, _SHOWN_IN[of.unit])
    if of.was is not None:
        before = _formatted(_over(of.was, scale), of.digits)
        decimals = len(before.partition(".")[2])
        return f"{before} → {_over(of.value, scale):,.{decimals}f}{unit}"
    shown = _over(of.value, scale)
    if of.interval is None:
        return f"{_formatted(shown, of.digits)}{unit}"
    low, high = (None if end is None else _over(end, scale) for end in of.interval)
    return f"{interval(shown, low, high, of.digits)}{unit}"


def _share(of: Quantity) -> str:
    form = of.digits
    if isinstance(form, str):
        ends = ("…" if end is None else _hundredths(end, form) for end in of.interval or ())
        bracket = f" [{', '.join(ends)}]" if of.interval else ""
        return f"{_hundredths(of.value, form)}%{bracket}"
    if of.interval is None:
        return rough_percent(of.value)
    low, high = (None if end is None else 100 * end for end in of.interval)
    return interval(100 * of.value, low, high).replace(" [", "% [", 1)


def _formatted(value: float, form: int | str) -> str:
    return digits(value, form) if isinstance(form, int) else format(value, form)


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


def counted(number: int, noun: str) -> str:
    """Return a number with what there are of it: ``1 row``, ``4,100 rows``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def enumerated(words: Iterable[str]) -> str:
    """Return the words as a sentence lists them: ``rows, features and batch``; at least one."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def large(number: float) -> str:
    """Return a count in thousands, millions …: 812, 4.12 k, 48.4 M."""
    scale, prefix = _unit(number, _THOUSANDS)
    return f"{digits(number / scale)}{prefix}"


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
    return cell_text(Quantity(seconds, "s", (low, high)))


def interval(value: float, low: float | None, high: float | None, form: int | str = 3) -> str:
    """Return ``4.12 [4.05, 4.19]``; an end that is None is open, and two are no interval.

    Of two values that differ it reaches from nearly 0 to nearly infinity, and is not written out,
    unless it is of counted things, which have a ``form`` of their own.
    """
    shown = _formatted(value, form)
    if low is None and high is None:
        return f"{shown} [no interval]"
    is_measured = isinstance(form, int)
    if is_measured and low is not None and high is not None and 0 < _SAYS_NOTHING * low < high:
        return f"{shown} [too few values]"
    ends = ("…" if end is None else _formatted(end, form) for end in (low, high))
    return f"{shown} [{', '.join(ends)}]"


def times_as_long(
    ratio: float, low: float | None = None, high: float | None = None, other: str = ""
) -> str:
    """Return ``1.88× as long [1.84, 1.92]``; with another's name ``… as long as numpy […]``."""
    ends = ["…" if end is None else _two(end) for end in (low, high)]
    # Ends that print like the estimate say nothing more.
    is_short = (low is None and high is None) or {*ends} == {_two(ratio)}
    bracket = "" if is_short else f" [{', '.join(ends)}]"
    return f"{_two(ratio)}× as long{f' as {other}' if other else ''}{bracket}"


def _two(value: float) -> str:
    return f"{value:.2f}" if 0.1 <= value < 10 else digits(value)


def percent(share: float, decimals: int = 1, *, sign: bool = False) -> str:
    """Return a share as ``3.1%``; with ``sign`` also a rise has one: ``+3.1%``, but nothing."""
    form = f".{decimals}f"
    return f"{_hundredths(share, f'+{form}' if sign else form)}%"


def rough_percent(share: float) -> str:
    """Return a share to about two digits: 84%, 2.3%, 0.0011%, under 0.0001%."""
    if 0 < share < _LEAST_SHARE:
        return f"under {100 * _LEAST_SHARE:.4f}%"
    return percent(share, 0) if share >= 0.1 else f"{100 * share:.2g}%"


def memory(size: int, unit: str = "GiB") -> str:
    """Return bytes in GiB, MiB or KiB."""
    return f"{size / _BYTES[unit]:,.1f} {unit}"


def _hundredths(share: float, form: str) -> str:
    if abs(share) >= _ABSURD_SHARE:
        form = f"{'+' if form.startswith('+') else ''}.2g"
    text = f"{100 * share:{form}}"
    return text.lstrip("+-") if float(text) == 0 else text


def _unit(
    value: float, units: Sequence[tuple[float, str]] = _UNITS, tolerance: float = 1.0
) -> tuple[float, str]:
    """Return the largest unit of which there is one, with its size; else the smallest."""
    return next((pair for pair in units if abs(value) >= pair[0] * tolerance), units[-1])


def _over(value: float, scale: float) -> float:
    return value if scale == 1 else value / scale  # whole numbers stay whole
