"""One benchmark of a comparison in words and numbers, wherever it is shown."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from perceptron import numbers
from perceptron.numbers import NONE, digits, duration, large, percent
from perceptron.records.comparison import Growth, Row, Work
from perceptron.untrusted_text import shortened

PROBABLY = "probably slower"
NEW = "new"
WORSE = ("broken", "slower", PROBABLY)
CHANGES = (*WORSE, "faster", "works again", NEW)
"""The verdicts on what changed, the worst first."""
ORDER = (*CHANGES, "inconclusive", "invalid", "no change")
_CANNOT_TELL = "cannot tell"
# Times beyond these have no unit that fits; they are written with an exponent.
_SMALLEST, _LARGEST = 1e-12, 1e15
# Times that are so many times apart are not told in one unit.
_FAR = 1e6
LARGEST_DETECTABLE = 1.0
"""A larger slowdown would be no finding but an accident."""
# An interval whose ends are further apart than −50% and +100% says nothing.
_WIDEST = 4.0
# What would be shown as 0.0% is nothing.
_SAME = 0.0005
# A share of its time that a benchmark waits for a timer, a device or another process.
_LEAST_IDLE = 0.01
_MANY = 10.0
# Of the functions of a benchmark; Python's first, because they say where to look.
_FUNCTIONS, _OF_PYTHON = 5, 3


def in_order(rows: Sequence[Row]) -> list[Row]:
    """Return what is broken first, then what changed, by the size that its verdict stands on."""

    def size(row: Row) -> float:
        if row.work is not None and (row.change is None or is_counted(row)):
            return abs(row.work.change)
        return abs(row.change or 0.0)

    return sorted(rows, key=lambda row: (ORDER.index(verdict(row)), -size(row)))


def verdict(row: Row) -> str:
    """Return a row's verdict in a reader's words."""
    known = row.change is not None or row.work is not None or None not in (row.base, row.head)
    if row.verdict == "slower":
        return "slower" if known else "broken"
    if row.verdict == "faster":
        return "faster" if known else NEW if row.new else "works again"
    return PROBABLY if row.probably_slower else row.verdict


def is_counted(row: Row) -> bool:
    """Return whether the size of a row is that of its instructions.

    They decided, no confirmation of the clock did, and two counts of the same differ by less than
    the clock's interval is wide.
    """
    if row.work is None or row.stands_on == "time":
        return False
    if row.stands_on == "work" or row.low is None or row.high is None:
        return True
    # Negated, as an end may be no number.
    return row.p_adjusted is None and not row.high - row.low <= 2 * row.work.noise


def cells(row: Row) -> tuple[str, ...]:
    """Return what every table has: name, verdict, both numbers, the change, and waiting."""
    muted = "" if row.muted is None else ", muted"
    return (
        row.key,
        f"{verdict(row)}{muted}",
        times(row),
        change(row),
        NONE if row.idle is None or row.idle < _LEAST_IDLE else percent(row.idle),
    )


def times(row: Row) -> str:
    """Return ``1.000 → 1.081 ms``, where the second is the first and the change that is shown.

    Medians of both would not agree with the change, which is a trimmed mean over the blocks.
    """
    base, head = row.base, row.head
    if base is not None and head is not None and row.change is not None and not _is_wide(row):
        head = base * (1 + row.change)
    if base is None and head is None:
        return NONE
    if base is not None and head is not None:
        if row.unit != "seconds":
            return f"{digits(base, 4)} → {digits(head, 4)} {row.unit}"
        if _SMALLEST <= base < _LARGEST and abs(head) < _FAR * base:
            return numbers.two_durations(base, head)
    return f"{amount(base, row.unit)} → {amount(head, row.unit)}"


def amount(value: float | None, unit: str) -> str:
    """Return a number in its unit."""
    if value is None:
        return NONE
    if unit == "seconds" and _SMALLEST <= value < _LARGEST:
        return duration(value)
    return f"{digits(value)} {unit}"


def change(row: Row) -> str:
    """Return the change with its interval and the limit that it has: ``+8.1% [+7.0, +9.3]``."""
    limit = "" if row.limit is None else f", limit {100 * row.limit:g}%"
    if row.change is None and row.work is None:
        limit = ""  # what broke has nothing to be allowed
    return f"{_by_time(row)}{limit}"


def _by_time(row: Row) -> str:
    """Return the clock's change with its interval."""
    if row.change is None:
        return NONE
    if row.low is None or row.high is None:
        return percent(row.change, sign=True)
    if _is_wide(row):
        return _CANNOT_TELL
    ends = ", ".join(percent(end, sign=True).removesuffix("%") for end in (row.low, row.high))
    return f"{percent(row.change, sign=True)} [{ends}]"


def _is_wide(row: Row) -> bool:
    """Return whether the clock's interval says nothing; also where an end is no number."""
    if row.low is None or row.high is None:
        return False
    return not 1 + row.high <= _WIDEST * (1 + row.low)


def takes(row: Row) -> str:
    """Return how much longer what became slower takes, or how many more instructions it executes.

    Whichever gives its size, as `is_counted` has it, or whichever is known.
    """
    interval = None if row.low is None or row.high is None or _is_wide(row) else (row.low, row.high)
    if row.work is not None and (is_counted(row) or row.probably_slower or not interval):
        return f"executes {_rough(row.work.change)}% more instructions"
    if row.change is None:
        base, head = (NONE if end is None else digits(end) for end in (row.base, row.head))
        return f"goes from {base} to {head}"
    size = f"{_rough(row.change)}%"
    said = f"takes {size} longer" if row.unit == "seconds" else f"is {size} larger"
    ends = [_rough(end, row.change) for end in interval or ()]
    return f"{said} [{', '.join(ends)}]" if ends else said


def by_clock(row: Row) -> str | None:
    """Return what the clock says beside the instructions that give the size of a slower row."""
    if row.verdict != "slower" or row.change is None or not is_counted(row):
        return None
    return f"by the clock: {_by_time(row)}"


def worse(row: Row) -> str:
    """Return how much a row became slower, what gives its size first, or why it broke."""
    if verdict(row) == "broken":
        return row.reason or row.verdict
    said = f"{times(row)}, {change(row)}"
    if row.work is None:
        return said
    work = f"instructions {work_change(row.work)} ({instructions(row.work)} per call)"
    return f"{work}; {said}" if is_counted(row) else f"{said}; {work}"


def _rough(share: float, size: float | None = None) -> str:
    """Return a share in per cent: 8.1, and 18 where ``size`` is a tenth or more."""
    size = share if size is None else size
    return percent(share, 0 if size >= 0.1 else 1).removesuffix("%")


def detectable(row: Row) -> str:
    """Return the slowdown that the clock would have confirmed; nothing where it saw nothing."""
    if row.change is None:
        return NONE
    share = detectable_share(row)
    return percent(share) if share <= LARGEST_DETECTABLE else _CANNOT_TELL


def detectable_share(row: Row) -> float:
    """Return the slowdown that the clock would have confirmed; infinity where it could not tell."""
    share = row.smallest_detectable
    return share if share is not None and share <= LARGEST_DETECTABLE else inf


def work_change(work: Work | None) -> str:
    """Return the change of instructions, ``same`` where it is within the count's own noise."""
    if work is None:
        return NONE
    return "same" if is_same(work) else percent(work.change, sign=True)


def instructions(work: Work) -> str:
    """Return what one call executes: ``48.4 M → 50.8 M``, once where it is the same."""
    base = large(work.base)
    return base if is_same(work) else f"{base} → {large(work.head)}"


def is_same(work: Work) -> bool:
    """Return whether both revisions execute the same, as far as counting can tell."""
    return abs(work.change) <= max(work.noise, _SAME)


def why(row: Row) -> str:
    """Return the function that changed most, and where it is; or why there are no numbers."""
    if tells_reason(row):
        return row.reason or NONE
    first = first_function(row)
    return NONE if first is None else named(first)


def first_function(row: Row) -> Growth | None:
    """Return the function that was edited, else the one that changed most as the row did.

    A function that does less explains nothing that became slower, unless it was edited: then what
    it calls may do more.
    """
    functions = most_telling(row.why)
    grew = [own for own in functions if (own.head > own.base) == (row.verdict != "faster")]
    edited = [own for own in functions if own.edited]
    return next(iter([*edited, *grew, *functions]), None)


def tells_reason(row: Row) -> bool:
    """Return whether the reason stands in the row itself, as there is no function to name."""
    return verdict(row) in {"broken", "works again", NEW, PROBABLY}


def most_telling(why: Sequence[Growth]) -> list[Growth]:
    """Return the first of each level, as many as there is room for."""
    python = [growth for growth in why if growth.level == "python"]
    compiled = [growth for growth in why if growth.level == "c"]
    kept = python[: max(_OF_PYTHON, _FUNCTIONS - len(compiled))]
    return kept + compiled[: _FUNCTIONS - len(kept)]


def named(growth: Growth) -> str:
    """Return a function with its place: ``toy.work in toy.py:3``."""
    where = place(growth)
    return shortened(growth.function) + (f" in {shortened(where)}" if where else "")


def function(growth: Growth) -> str:
    """Return ``toy.work in toy.py:3: +5.0% bytecodes, 120,300 → 126,315, called 100 times``."""
    base, head, size, calls = function_cells(growth)
    if growth.base and growth.head:
        counted = base if growth.base == growth.head else f"{base} → {head}"
        said = f"{size} {growth.unit}, {counted}"
    else:
        calls = calls.removeprefix("0 → ").removesuffix(" → 0")
        said = f"{size}, {head if growth.head else base} {growth.unit}"
    if calls != NONE and growth.unit != "calls":
        said += ", called once" if calls == "1" else f", called {calls} times"
    return f"{named(growth)}: {'in the diff; ' if growth.edited else ''}{said}"


def function_cells(growth: Growth) -> tuple[str, str, str, str]:
    """Return what a function counts on BASE and on HEAD, its change, and its calls."""
    base, head = growth.base_calls, growth.head_calls
    calls = NONE
    if base is not None and head is not None:
        calls = _number(base) if base == head else f"{_number(base)} → {_number(head)}"
    # On one side only there is no share.
    size = "new" if not growth.base else "gone" if not growth.head else ""
    size = size or ("same" if growth.head == growth.base else _growth(growth.head / growth.base))
    return _number(growth.base), _number(growth.head), size, calls


def _growth(ratio: float) -> str:
    """Return ``+9.2%``, and ``583×`` where percentages are hard to read."""
    return f"{ratio:,.0f}×" if ratio >= _MANY else percent(ratio - 1, sign=True)


def place(of: Growth | Row) -> str | None:
    """Return the file of a function or benchmark with its line, as far as they are known."""
    return of.file if of.file is None or of.line is None else f"{of.file}:{of.line}"


def _number(number: float) -> str:
    """Return whole numbers with all their digits, means of several calls with three."""
    if number == 0 or not 1 <= number < _LARGEST:
        return digits(number)
    return f"{round(number):,}" if number >= 100 or number == round(number) else digits(number)
