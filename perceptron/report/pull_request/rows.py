"""One benchmark as a comment on a pull request shows it: a line of a table, or of a list.

Names, parameters, units and reasons are untrusted text; see `markdown`.
"""

from __future__ import annotations

from perceptron.records.comparison import Row
from perceptron.report.numbers import NONE, digits
from perceptron.report.pull_request.markdown import code, count
from perceptron.report.tables import comparison as text
from perceptron.report.tables import markdown as table
from perceptron.report.tables import why

CHANGED = (
    "benchmark",
    "verdict",
    "base → head>",
    "Δ [99 % interval]>",
    "blocks>",
    "work, instructions a call>",
    "stands on",
    "reason",
)
OTHERS = (
    "benchmark",
    "verdict",
    "base → head>",
    "Δ [99 % interval]>",
    "blocks>",
    "detectable>",
    "work, instructions a call>",
    "stands on",
    "reason",
)
LONGEST_REASON = 300
_LONGEST_WHY = 300


def changed_row(row: Row) -> str:
    """Return a line of the table under `CHANGED`."""
    p = f" (p = {row.p_adjusted:.1g})" if text.confirmed(row) else ""
    return table.line(
        [
            _name(row),
            row.verdict,
            _times(row),
            text.change(row),
            _blocks(row),
            _work(row),
            f"{text.evidence(row)}{p}",
            _reason(row),
        ]
    )


def other_row(row: Row) -> str:
    """Return a line of the table under `OTHERS`."""
    return table.line(
        [
            _name(row),
            row.verdict,
            _times(row),
            text.change(row),
            _blocks(row),
            text.detectable(row),
            _work(row),
            text.evidence(row),
            _reason(row),
        ]
    )


def without_numbers(row: Row) -> str:
    """Return the benchmark and its reason, which is all that there is."""
    return f"- {_name(row)}: {_reason(row)}"


def is_explained(row: Row) -> bool:
    """Return whether `explanation` has more to say than the benchmark's name."""
    return bool(why.lines(row) or row.why_not)


def explanation(row: Row) -> str:
    """Return the benchmark, then in which functions it does more and since which commit.

    It is one text of several lines, so that it is shown whole or not at all.
    """
    lines = [code(line, _LONGEST_WHY) for line in why.lines(row)]
    lines += [code(row.why_not, LONGEST_REASON)] if row.why_not else []
    return "\n".join([f"- {_name(row)}", *(f"  - {line}" for line in lines)])


def _name(row: Row) -> str:
    return code(text.name(row), 160)


def _reason(row: Row) -> str:
    return code(row.reason or "", LONGEST_REASON)


def _times(row: Row) -> str:
    """Return base and head in their unit."""
    amounts = []
    for value in (row.base, row.head):
        if row.unit == "seconds" or value is None:
            amounts.append(text.amount(value, row.unit))
        else:
            amounts.append(f"{digits(value)} {code(row.unit, 20)}")
    return " → ".join(amounts)


def _work(row: Row) -> str:
    """Return the change of counted work and what it was on each revision."""
    if row.work is None:
        return NONE
    return f"{text.work_change(row)}, {text.instructions(row.work)}"


def _blocks(row: Row) -> str:
    """Return how many blocks the estimate rests on."""
    return count(row.confirmation_blocks or row.screen_blocks)
