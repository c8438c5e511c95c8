"""A comparison as people read it in a terminal, and in words for a pull request."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from perceptron.records.comparison import Comparison, Row, Work
from perceptron.report.numbers import NONE, digits, duration, large, percent, percent_interval

COLUMNS = (
    "benchmark",
    "verdict",
    "base>",
    "head>",
    "change [99 %]>",
    "detectable>",
    "work>",
    "by",
)
# Of these, what there is where nothing was counted.
_TIMED = 6
# As many unchanged benchmarks are listed; more are counted.
_MOST_UNCHANGED = 40
# Times beyond these have no unit that fits; they are written with an exponent.
_SMALLEST, _LARGEST = 1e-12, 1e15
# A larger slowdown would be no finding but an accident.
LARGEST_DETECTABLE = 1.0
_UNKNOWN = "cannot tell"
# What would be shown as 0.0 % is nothing.
_NOTHING = 0.0005
_ORDER = ("regression", "improvement", "inconclusive", "invalid", "no change")


def show(comparison: Comparison, html: Path | None = None) -> None:
    """Print the verdict, what changed, and what else must be known; its page is in ``html``."""
    # Not at the top: where comments on pull requests are written, there is no rich.
    from rich.markup import escape

    from perceptron.report.tables.comparison_notes import notes
    from perceptron.report.tables.terminal import out, table

    colour = {"clean": "green", "regression": "red"}.get(comparison.verdict, "yellow")
    out.print(f"[{colour}]{comparison.verdict}[/]: {escape(comparison.reason)}\n", soft_wrap=True)
    plan = comparison.plan
    rows = cells(comparison.rows)
    if rows:
        shown = None if any(row.work for row in comparison.rows) else _TIMED
        title = f"{plan.base.name} → {plan.head.name}"
        table(title, COLUMNS[:shown], [line[:shown] for line in rows])
    for line in notes(comparison):
        out.print(line, markup=False, soft_wrap=True)
    out.print(f"rows:   {comparison.results}", markup=False, soft_wrap=True)
    if html is not None and comparison.page is not None:
        out.print(f"page:   {html / comparison.page}", markup=False, soft_wrap=True)


def cells(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    """Return rows of text: what changed first, by size; then what did not."""
    shown = len(rows) - unlisted(rows)
    # What did not change comes last.
    return [row_cells(row) for row in in_order(rows)[:shown]]


def row_cells(row: Row) -> tuple[str, ...]:
    """Return the texts of a row, in the order of `COLUMNS`."""
    return (
        name(row),
        row.verdict,
        amount(row.base, row.unit),
        amount(row.head, row.unit),
        change(row),
        detectable(row),
        work_change(row),
        evidence(row),
    )


def unlisted(rows: Sequence[Row]) -> int:
    """Return how many unchanged benchmarks the table has no room for."""
    return max(0, sum(row.verdict == "no change" for row in rows) - _MOST_UNCHANGED)


def in_order(rows: Sequence[Row]) -> list[Row]:
    """Return what changed first, by size."""
    return sorted(rows, key=lambda row: (_ORDER.index(row.verdict), -abs(_size(row))))


def _size(row: Row) -> float:
    """Return the change by which a row takes its place: of its time, or of its work without one."""
    if row.change is not None:
        return row.change
    return 0.0 if row.work is None else row.work.change


def name(row: Row) -> str:
    """Return the benchmark with its parameters."""
    return row.key


def amount(value: float | None, unit: str) -> str:
    """Return a number in its unit."""
    if value is None:
        return NONE
    if unit == "seconds" and _SMALLEST <= value < _LARGEST:
        return duration(value)
    return f"{digits(value)} {unit}"


def change(row: Row) -> str:
    """Return the change with its interval: ``+8.1 % [+7.0, +9.3]``."""
    if row.change is None or row.low is None or row.high is None:
        return NONE
    return percent_interval(row.change, row.low, row.high, sign=True)


def work_change(row: Row) -> str:
    """Return the change of counted work, ``same`` where it is within the count's own noise."""
    if row.work is None:
        return NONE
    return "same" if is_same(row.work) else percent(row.work.change, sign=True)


def is_same(work: Work) -> bool:
    """Return whether both revisions did the same work, as far as counting can tell."""
    return abs(work.change) <= max(work.noise, _NOTHING)


def instructions(work: Work) -> str:
    """Return what one call executes: ``48.4 M → 50.8 M``, once where it is the same."""
    base = large(work.base)
    return base if is_same(work) else f"{base} → {large(work.head)}"


def evidence(row: Row) -> str:
    """Return what the verdict stands on; nothing where there was neither a time nor a count."""
    judged = row.verdict not in {"inconclusive", "invalid"}
    known = row.change is not None or row.work is not None
    return row.stands_on if judged and known else NONE


def confirmed(row: Row) -> bool:
    """Return whether fresh blocks have a part in the verdict."""
    return row.p_adjusted is not None and row.stands_on != "work"


def detectable(row: Row) -> str:
    """Return the slowdown that would have been confirmed; nothing where nothing was measured."""
    return NONE if row.change is None else slowdown(row.smallest_detectable)


def slowdown(share: float | None) -> str:
    """Return ``3.1 %``; no number for what only an accident would reach."""
    if share is None or not share <= LARGEST_DETECTABLE:
        return _UNKNOWN
    return percent(share)
