"""Why a benchmark changed: the functions that do more or less.

Names of functions and files are untrusted text: `lines` makes them printable for a terminal; in
`cells` they are as they came.
"""

from __future__ import annotations

from collections.abc import Sequence

from perceptron.records.comparison import Growth, Row
from perceptron.report.numbers import NONE, digits, percent
from perceptron.report.tables.comparison import in_order, name
from perceptron.report.tables.grouped import grouped
from perceptron.untrusted_text import shortened

COLUMNS = ("function", "counted", "base>", "head>", "change>", "calls>", "where")
# On a terminal; Python's functions first, because they say where to look.
_LINES = 5
_OF_PYTHON = 3
# More than any call counts: nobody would read all its digits.
_LARGEST = 1e15


def cells(row: Row) -> list[tuple[str, ...]]:
    """Return rows of text under `COLUMNS`; the first and the last of each are untrusted."""
    return [
        (
            growth.function,
            growth.unit,
            _amount(growth.base),
            _amount(growth.head),
            _change(growth),
            _calls(growth) or NONE,
            _where(growth) or NONE,
        )
        for growth in row.why
    ]


def lines(row: Row) -> list[str]:
    """Return at most five lines on the functions that changed most."""
    return [_line(growth) for growth in _most_telling(row.why)]


def notes(rows: Sequence[Row]) -> list[str]:
    """Return what a terminal shows below the table: each line with its benchmark."""
    ordered = in_order(rows)
    said = [f"why {name(row)}: {line}" for row in ordered for line in lines(row)]
    unknown = grouped((name(row), row.why_not) for row in ordered if row.why_not)
    return said + [f"why {names}: {reason}" for names, reason in unknown]


def _most_telling(why: Sequence[Growth]) -> list[Growth]:
    """Return the first of each level, as many as there is room for."""
    python = [growth for growth in why if growth.level == "python"]
    compiled = [growth for growth in why if growth.level == "c"]
    room = max(_OF_PYTHON, _LINES - len(compiled))
    kept = python[:room]
    return kept + compiled[: _LINES - len(kept)]


def _line(growth: Growth) -> str:
    """Return ``toy.work +5.0 % bytecodes (120,300 → 126,315), called 100 → 105 times, toy.py:3``"""
    amounts = f"({_amount(growth.base)} → {_amount(growth.head)})"
    if growth.base == growth.head:
        amounts = f"({_amount(growth.base)})"
    parts = [f"{shortened(growth.function)} {_change(growth)} {growth.unit} {amounts}"]
    calls = _calls(growth)
    if calls and growth.unit != "calls":
        parts.append("called once" if calls == "1" else f"called {calls} times")
    where = _where(growth)
    return ", ".join([*parts, *([shortened(where)] if where else [])])


def _change(growth: Growth) -> str:
    """Return the change as a share, ``new`` or ``gone`` where one side has nothing."""
    if not growth.base:
        return "new"
    if not growth.head:
        return "gone"
    return percent(growth.head / growth.base - 1, sign=True)


def _calls(growth: Growth) -> str | None:
    """Return ``100 → 105``, once where it is the same."""
    base, head = growth.base_calls, growth.head_calls
    if base is None or head is None:
        return None
    return _amount(base) if base == head else f"{_amount(base)} → {_amount(head)}"


def _where(growth: Growth) -> str | None:
    if growth.file is None or growth.line is None:
        return growth.file
    return f"{growth.file}:{growth.line}"


def _amount(number: float) -> str:
    """Return whole numbers with all their digits, means of several calls with three."""
    if number == 0 or not 1 <= number < _LARGEST:
        return digits(number)
    return f"{round(number):,}" if number >= 100 or number == round(number) else digits(number)
