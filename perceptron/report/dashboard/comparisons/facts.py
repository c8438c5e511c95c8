"""What the page of a comparison shows of it as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from perceptron.records.comparison import Comparison, Row, Side
from perceptron.report.numbers import NONE
from perceptron.report.tables import comparison as table
from perceptron.report.tables import comparison_notes as notes
from perceptron.report.tables.reach import reach
from perceptron.untrusted_text import shortened

TABLE = table.COLUMNS
CHANGED = ("regression", "improvement")
_SHORT = 12
_LONGEST_NAME = 40
# Fewer may be the name of a branch.
_DIGITS = 7


def facts(comparison: Comparison) -> dict[str, Any]:
    """Return what the template shows beside the rows that changed."""
    plan = comparison.plan
    rows = table.in_order(comparison.rows)
    return {
        "verdict": comparison.verdict,
        "reason": comparison.reason,
        "base": named(plan.base),
        "head": named(plan.head),
        "commits": [_commit(side, _SHORT) for side in (plan.base, plan.head)],
        "columns": TABLE,
        "rows": [(_has_section(row), table.row_cells(row)) for row in rows],
        "reasons": notes.reasons(rows),
        "moved": [notes.moved_crossover(moved) for moved in comparison.moved_crossovers],
        "left_out": notes.left_out(comparison),
        "not_counted": notes.not_counted(rows),
        "certainty": _certainty(comparison),
        "warnings": comparison.warnings,
        "reproduce": comparison.reproduce,
        "results": comparison.results,
        "sides": _sides(comparison),
        "shared": _shared(comparison),
    }


def changed(rows: Sequence[Row]) -> list[Row]:
    """Return the rows that have a section of their own, in the order of the table."""
    return [row for row in table.in_order(rows) if _has_section(row)]


def named(side: Side) -> str:
    """Return the name of a revision with its commit: ``HEAD^1`` alone is another one each time."""
    commit = _commit(side, _SHORT)
    # A commit that was named by its own digits.
    if side.changes is None and side.commit.startswith(side.name) and len(side.name) >= _DIGITS:
        return commit
    return f"{shortened(side.name, _LONGEST_NAME)} ({commit})"


def _has_section(row: Row) -> bool:
    """Return whether it changed, or there is more to say of it than numbers."""
    return row.verdict in CHANGED or bool(row.why or row.why_not or row.introduced_by)


def _certainty(comparison: Comparison) -> list[str]:
    """Return how sure the run was and what it cost, a line each."""
    lines = [*reach(comparison), notes.detectable(comparison.rows)]
    if comparison.environment.counter is not None:
        counted = notes.counted(comparison.rows)
        lines.append(f"counted by {comparison.environment.counter}: {counted}")
    lines += notes.waiting(comparison)
    lines += [notes.control(comparison)] if comparison.control.rows else []
    return [*lines, notes.spent(comparison)]


def _sides(comparison: Comparison) -> list[tuple[str, str, str, bool]]:
    """Return what both revisions ran on: what, on BASE, on HEAD, and whether these differ."""
    plan, here = comparison.plan, comparison.environment
    lines = [
        ("commit", _commit(plan.base), _commit(plan.head)),
        ("interpreter", plan.base.python, plan.head.python),
    ]
    if here.base_code or here.head_code:
        lines.append(("imported from", here.base_code or NONE, here.head_code or NONE))
    names = list({**here.base, **here.head})
    lines += [(name, here.base.get(name, NONE), here.head.get(name, NONE)) for name in names]
    return [(what, base, head, base != head) for what, base, head in lines]


def _commit(side: Side, digits: int = 40) -> str:
    commit = side.commit[:digits]
    return commit if side.changes is None else f"{commit} with changes {side.changes[:digits]}"


def _shared(comparison: Comparison) -> list[tuple[str, str]]:
    """Return what is the same for both revisions."""
    plan, here = comparison.plan, comparison.environment
    facts: Mapping[str, str | None] = {
        "suite": f"{plan.suite} ({plan.kind})",
        "state of the suite": plan.suite_state,
        "benchmarks": plan.benchmarks,
        "seed": str(plan.seed),
        "counter": here.counter,
        **here.machine,
        **here.variables,
    }
    return [(what, text) for what, text in facts.items() if text]
