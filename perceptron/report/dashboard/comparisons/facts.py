"""What the page of a comparison shows of it as a whole, and of each benchmark that changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from perceptron.records.block import Block
from perceptron.records.comparison import Comparison, Row, Side
from perceptron.report.charts.as_plotly.blocks import draw_blocks
from perceptron.report.charts.blocks import blocks_figure
from perceptron.report.charts.plot import ViewFigure
from perceptron.report.numbers import NONE, large, percent, rough_percent
from perceptron.report.tables import comparison as table
from perceptron.report.tables import comparison_notes as notes
from perceptron.report.tables import why
from perceptron.untrusted_text import shortened

GROWTH = why.COLUMNS
ROUNDS = ("round", "first", "BASE>", "HEAD>", "change>")
_STANDS_ON = {
    "time": "The verdict follows from the clock.",
    "work": "The verdict follows from the counted instructions.",
    "both": "Clock and counted instructions agree.",
}
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
        "columns": table.COLUMNS,
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
    return row.verdict in CHANGED or bool(row.why or row.why_not)


def _certainty(comparison: Comparison) -> list[str]:
    """Return how sure the run was and what it cost, a line each."""
    lines = [notes.detectable(comparison.rows)]
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


def changed_row(row: Row, blocks: Sequence[Block]) -> dict[str, Any]:
    """Return the texts and tables of a row; ``blocks`` are its own, of every stage."""
    return {
        "name": table.name(row),
        "verdict": row.verdict,
        "reason": row.reason,
        "where": None if None in (row.file, row.line) else f"{row.file}:{row.line}",
        "facts": _facts(row),
        "why": why.cells(row),
        "why_not": row.why_not,
        "rounds": [_round(block) for block in blocks if block.stage == "count"],
    }


def figure_of(row: Row, blocks: Sequence[Block]) -> ViewFigure | None:
    """Return the figure of a row's blocks; None where the clock measured none."""
    figure = blocks_figure(row, blocks)
    return None if figure is None else draw_blocks(figure)


def _facts(row: Row) -> list[tuple[str, str]]:
    """Return what the verdict rests on, in pairs of a name and a table."""
    facts = []
    if row.change is not None:
        times = " → ".join(table.amount(value, row.unit) for value in (row.base, row.head))
        facts.append(("time", f"{times}, {table.change(row)} (99 % interval)"))
        facts.append(("blocks", f"{row.screen_blocks} screened, {row.confirmation_blocks} of "
                      "confirmation"))  # fmt: skip
    if row.p_adjusted is not None:
        facts.append(("p of the confirmation", f"{row.p_adjusted:.2g}, over everything that was "
                      "confirmed together"))  # fmt: skip
    if row.change is not None:
        if row.spread is not None:
            facts.append(("spread of the blocks", percent(row.spread)))
        facts.append(("smallest detectable slowdown", table.detectable(row)))
    if row.work is not None:
        facts.append(("work", f"{table.instructions(row.work)} instructions a call, "
                      f"{table.work_change(row)}; noise of the count "
                      f"{rough_percent(row.work.noise)}"))  # fmt: skip
    if row.not_counted is not None:
        facts.append(("not counted", row.not_counted))
    if row.waited is not None:
        facts.append(("waited for a core", f"{percent(row.waited)} of the time"))
    if table.evidence(row) != NONE:
        facts.append(("stands on", _STANDS_ON[row.stands_on]))
    return facts


def _round(block: Block) -> list[str]:
    """Return the cells of one round of counting, in the order of `ROUNDS`."""
    counts = [block.base.instructions, block.head.instructions]
    base, head = counts
    change = head / base - 1 if base and head is not None else None
    reasons = [reading.reason or reading.status for reading in (block.base, block.head)]
    return [
        str(block.number + 1),
        block.order[0].upper() if block.order else NONE,
        *(
            reason if instructions is None else large(instructions)
            for reason, instructions in zip(reasons, counts, strict=True)
        ),
        NONE if change is None else f"{100 * change:+.3f} %",
    ]
