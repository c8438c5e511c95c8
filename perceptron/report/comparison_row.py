"""A benchmark of a comparison in words and numbers, for every view."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from msgspec.structs import replace

from perceptron.numbers import NONE, Cell, Quantity, cell_text, digits, large, percent
from perceptron.records.comparison import Growth, Instructions, Row
from perceptron.untrusted_text import shortened

PROBABLY = "probably slower"
NEW = "new"
WORSE = ("broken", "slower", PROBABLY)
CHANGES = (*WORSE, "faster", "works again", NEW)
"""The verdicts on changes, the worst first."""
ORDER = (*CHANGES, "inconclusive", "invalid", "no change")
_CANNOT_TELL = "cannot tell"
LARGEST_DETECTABLE = 1.0
"""Largest detectable slowdown worth showing: a larger one would be noticed anyway."""
# An interval with ends further apart than −50% and +100% is too wide to show.
_WIDEST = 4.0
# A change that would be shown as 0.0% is no change.
_SAME = 0.0005
# A share of its time that a benchmark waits for a timer, a device or another process.
_LEAST_IDLE = 0.01
# Larger growth is shown as a multiple, not in per cent.
_MANY = 10.0
# Larger counts are not written with all their digits.
_LARGEST = 1e15
# Functions shown for a benchmark; Python's first, because they locate the change.
_FUNCTIONS, _OF_PYTHON = 5, 3


def in_order(rows: Sequence[Row]) -> list[Row]:
    """Return broken rows first, then changed ones, by the size behind their verdict."""

    def size(row: Row) -> float:
        if row.instructions is not None and (row.change is None or is_counted(row)):
            return abs(row.instructions.change)
        return abs(row.change or 0.0)

    return sorted(rows, key=lambda row: (ORDER.index(verdict(row)), -size(row)))


def verdict(row: Row) -> str:
    """Return a row's verdict in a reader's words."""
    has_numbers = (
        row.change is not None or row.instructions is not None or None not in (row.base, row.head)
    )
    if row.verdict == "slower":
        return "slower" if has_numbers else "broken"
    if row.verdict == "faster":
        return "faster" if has_numbers else NEW if row.new else "works again"
    return PROBABLY if row.probably_slower else row.verdict


def has_changed(row: Row) -> bool:
    """Return whether the row belongs to the changes; muted rows do not."""
    return verdict(row) in CHANGES and row.muted is None


def is_counted(row: Row) -> bool:
    """Return whether the change of a row is given by its instructions.

    It is if instructions decided, times did not confirm the change, and two equal counts differ by
    less than the width of the times' interval.
    """
    if row.instructions is None or row.evidence == "time":
        return False
    if row.evidence == "work" or row.low is None or row.high is None:
        return True
    # Negated, as an end may be no number.
    return row.p_adjusted is None and not row.high - row.low <= 2 * row.instructions.noise


# --- cells ----------------------------------------------------------------------------------------


def cells(row: Row) -> tuple[Cell, ...]:
    """Return the cells of every table: name, verdict, both numbers, the change, and waiting."""
    muted = "" if row.muted is None else ", muted"
    idle = row.idle if row.idle is not None and not row.idle < _LEAST_IDLE else None
    waiting = None if idle is None else Quantity(idle, "%", digits=".1f")
    return row.key, f"{verdict(row)}{muted}", times(row), change(row), waiting


def times(row: Row) -> Cell:
    """Return ``1.000 → 1.081 ms``; the second number is the first times the displayed change.

    Medians of both would not agree with the change, which is a trimmed mean over the blocks.
    """
    base, head = row.base, row.head
    if base is None:
        return None if head is None else replace(amount(head, row.unit), before=f"{NONE} → ")
    if head is None:
        quantity = amount(base, row.unit)
        return replace(quantity, after=f"{quantity.after} → {NONE}")
    if row.change is not None and not _is_wide(row):
        head = base * (1 + row.change)
    return replace(amount(head, row.unit), was=base, digits=4)


def amount(value: float, unit: str) -> Quantity:
    """Return a number in its unit; units other than seconds are words of the suite."""
    return Quantity(value, "s") if unit == "seconds" else Quantity(value, after=f" {unit}")


def change(row: Row) -> Cell:
    """Return the change with its interval and the row's limit: ``+8.1% [+7.0, +9.3]``."""
    by_time = _by_time(row)
    # Broken rows have no limit.
    if row.limit is None or (row.change is None and row.instructions is None):
        return by_time
    limit = f", limit {100 * row.limit:g}%"
    if isinstance(by_time, Quantity):
        return replace(by_time, after=limit)
    return f"{cell_text(by_time)}{limit}"


def _by_time(row: Row) -> Cell:
    """Return the change in time with its interval."""
    if row.change is None:
        return None
    if _is_wide(row):
        return _CANNOT_TELL
    ends = None if row.low is None or row.high is None else (row.low, row.high)
    return Quantity(row.change, "%", ends, "+.1f")


def _is_wide(row: Row) -> bool:
    """Return whether the interval of the times is too wide to show, or an end is no number."""
    if row.low is None or row.high is None:
        return False
    return not 1 + row.high <= _WIDEST * (1 + row.low)


def detectable(row: Row) -> Cell:
    """Return the slowdown that times would have confirmed; empty where they could confirm none."""
    if row.change is None:
        return None
    share = detectable_share(row)
    return _CANNOT_TELL if share == inf else Quantity(share, "%", digits=".1f")


def detectable_share(row: Row) -> float:
    """Return the slowdown that times would have confirmed; infinite if they could confirm none."""
    share = row.smallest_detectable
    return share if share is not None and share <= LARGEST_DETECTABLE else inf


def instruction_change(counts: Instructions | None) -> Cell:
    """Return the change of instructions, ``same`` if it is within the noise of counts."""
    if counts is None:
        return None
    return "same" if is_same(counts) else Quantity(counts.change, "%", digits="+.1f")


def is_same(counts: Instructions) -> bool:
    """Return whether both revisions execute equal instructions, within the noise of counts."""
    return abs(counts.change) <= max(counts.noise, _SAME)


def why(row: Row) -> str | None:
    """Return the function that changed most, with its place; or why there are no numbers."""
    if tells_reason(row):
        return row.reason
    first = first_function(row)
    return None if first is None else _named(first)


def tells_reason(row: Row) -> bool:
    """Return whether the row itself shows the reason, because there is no function to name."""
    return verdict(row) in {"broken", "works again", NEW, PROBABLY}


# --- sentences ------------------------------------------------------------------------------------


def takes(row: Row) -> str:
    """Return how much longer a slower row takes, or how many more instructions it executes.

    The one that gives its size, see `is_counted`, or the one that is known.
    """
    interval = None if row.low is None or row.high is None or _is_wide(row) else (row.low, row.high)
    if row.instructions is not None and (is_counted(row) or row.probably_slower or not interval):
        return f"executes {_rough(row.instructions.change)}% more instructions"
    if row.change is None:
        base, head = (NONE if end is None else digits(end) for end in (row.base, row.head))
        return f"goes from {base} to {head}"
    size = f"{_rough(row.change)}%"
    text = f"takes {size} longer" if row.unit == "seconds" else f"is {size} larger"
    ends = [_rough(end, row.change) for end in interval or ()]
    return f"{text} [{', '.join(ends)}]" if ends else text


def by_clock(row: Row) -> str | None:
    """Return the change in time, where instructions give the size of a slower row."""
    if row.verdict != "slower" or row.change is None or not is_counted(row):
        return None
    return f"by the clock: {cell_text(_by_time(row))}"


def worse(row: Row) -> str:
    """Return how much slower a row became, the evidence of its size first, or why it broke."""
    if verdict(row) == "broken":
        return row.reason or row.verdict
    text = by_time(row)
    if row.instructions is None:
        return text
    change, counts = cell_text(instruction_change(row.instructions)), row.instructions
    counted = f"instructions {change} ({instruction_counts(counts)} per call)"
    return f"{counted}; {text}" if is_counted(row) else f"{text}; {counted}"


def by_time(row: Row) -> str:
    """Return both numbers and the change in a line."""
    return f"{cell_text(times(row))}, {cell_text(change(row))}"


def instruction_counts(counts: Instructions) -> str:
    """Return the instructions of a call: ``48.4 M → 50.8 M``, or one number if they are equal."""
    base = large(counts.base)
    return base if is_same(counts) else f"{base} → {large(counts.head)}"


def _rough(share: float, size: float | None = None) -> str:
    """Return a share in per cent: 8.1, and 18 where ``size`` is a tenth or more."""
    size = share if size is None else size
    return percent(share, 0 if size >= 0.1 else 1).removesuffix("%")


# --- functions ------------------------------------------------------------------------------------


def first_function(row: Row) -> Growth | None:
    """Return the edited function, else the one that changed most in the row's direction.

    A function that does less explains no slowdown, unless it was edited: functions that it calls
    may then do more.
    """
    functions = most_telling(row.why)
    grew = [grown for grown in functions if (grown.head > grown.base) == (row.verdict != "faster")]
    edited = [growth for growth in functions if growth.edited]
    return next(iter([*edited, *grew, *functions]), None)


def most_telling(why: Sequence[Growth]) -> list[Growth]:
    """Return the first functions of each level, as many as fit."""
    python = [growth for growth in why if growth.level == "python"]
    compiled = [growth for growth in why if growth.level == "c"]
    shown = python[: max(_OF_PYTHON, _FUNCTIONS - len(compiled))]
    return shown + compiled[: _FUNCTIONS - len(shown)]


def function(growth: Growth) -> str:
    """Return ``toy.work in toy.py:3: +5.0% bytecodes, 120,300 → 126,315, called 100 times``."""
    base, head, size, calls = map(cell_text, function_cells(growth))
    if growth.base and growth.head:
        counted = base if growth.base == growth.head else f"{base} → {head}"
        text = f"{size} {growth.unit}, {counted}"
    else:
        calls = calls.removeprefix("0 → ").removesuffix(" → 0")
        text = f"{size}, {head if growth.head else base} {growth.unit}"
    if calls != NONE and growth.unit != "calls":
        text += ", called once" if calls == "1" else f", called {calls} times"
    return f"{_named(growth)}: {'in the diff; ' if growth.edited else ''}{text}"


def _named(growth: Growth) -> str:
    """Return a function with its place: ``toy.work in toy.py:3``."""
    location = source_location(growth)
    return shortened(growth.function) + (f" in {shortened(location)}" if location else "")


def function_cells(growth: Growth) -> tuple[Cell, Cell, Cell, Cell]:
    """Return a function's counts on BASE and on HEAD, its change, and its calls."""
    base, head = growth.base_calls, growth.head_calls
    calls = None
    if base is not None and head is not None:
        calls = _number(head) if base == head else replace(_number(head, base), was=base)
    return _number(growth.base), _number(growth.head), _growth(growth), calls


def _growth(growth: Growth) -> Cell:
    """Return ``+9.2%``, and ``583×`` where percentages are hard to read."""
    if not growth.base or not growth.head:  # a function of one side alone has no share
        return "gone" if growth.base else "new"
    if growth.head == growth.base:
        return "same"
    ratio = growth.head / growth.base
    if ratio >= _MANY:
        return Quantity(ratio, digits=",.0f", after="×")
    return Quantity(ratio - 1, "%", digits="+.1f")


def _number(number: float, *further: float) -> Quantity:
    """Return whole numbers with all digits, and means of several calls with three."""
    whole = all(
        0 <= value < _LARGEST and (value >= 100 or value.is_integer())
        for value in (number, *further)
    )
    return Quantity(number, digits=",.0f" if whole else 3)


def source_location(item: Growth | Row) -> str | None:
    """Return the file of a function or benchmark with its line, as far as they are known."""
    return item.file if item.file is None or item.line is None else f"{item.file}:{item.line}"
