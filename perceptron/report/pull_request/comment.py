"""A comparison as the one comment that a pull request has for it.

Names, parameters, units, reasons and commands are a stranger's; see `markdown`.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from perceptron.records.comparison import Comparison, MovedCrossover, Row, Side
from perceptron.report.pull_request import markdown
from perceptron.report.pull_request.markdown import code, count
from perceptron.report.tables import comparison
from perceptron.untrusted_text import label

TAG = "<!-- perceptron-gate -->"
"""The first line of the comment, by which it is found again."""
MOST_BYTES = 60 * 1024
"""Below what forges take: GitHub's bound is 65,536 characters."""

_CHANGED = ("benchmark", "base → head>", "Δ [99 % interval]>", "blocks>", "confirmed")
_OTHERS = (
    "benchmark",
    "verdict",
    "base → head>",
    "Δ [99 % interval]>",
    "blocks>",
    "detectable>",
    "why",
)
_LONGEST_COMMAND = 2000
_LONGEST_REASON = 300
_MOST_VERSIONS = 10
# For the lines that say how many others there was no room for.
_RESERVE = 1024


@dataclass(frozen=True)
class PullRequest:
    """Whose comment it is, as the forge says it, and not the run."""

    number: int
    commit: str
    """The head of its branch; what was measured is that commit merged into the base."""


def nothing(pull: PullRequest) -> str:
    """The comment on a run that compared nothing, so that no earlier table stands for it."""
    return (
        f"{TAG}\n\n**not compared**: commit {code(pull.commit[:12])} could not be measured; the "
        "log of its run says why.\n"
    )


def comment(found: Comparison, pull: PullRequest | None = None) -> str:
    """Markdown of less than `MOST_BYTES`: what changed on top, the rest folded.

    Where there is not room for all, the folded rows are left out first, and counted.
    """
    ordered = comparison.in_order(found.rows)
    changed = [row for row in ordered if _changed(row) and row.change is not None]
    broken = [row for row in ordered if _changed(row) and row.change is None]
    others = [row for row in ordered if not _changed(row)]
    head, foot = _head(found, pull), _foot(found, pull)
    room = markdown.Room(MOST_BYTES - _RESERVE - len("\n".join([*head, *foot]).encode()))
    parts = [
        *_part([], [*markdown.table(_CHANGED)], [_changed_row(row) for row in changed], room),
        *_part(["**Broke, or works again, on HEAD**"], [], [_broken(row) for row in broken], room),
        *_part(
            ["**Crossovers that moved**"],
            [],
            [_moved(moved) for moved in found.moved_crossovers],
            room,
        ),
        *_part(["**Warnings**"], [], _warnings(found), room),
    ]
    return "\n".join([*head, *parts, *foot, *_fold(found, others, room)]) + "\n"


def command(text: str) -> str | None:
    """The command to reproduce, quoted anew: whatever it was, a shell runs `perceptron compare`.

    None if it is another command, or none that can be shown in a line.
    """
    try:
        words = shlex.split(text) if len(text) <= _LONGEST_COMMAND else []
    except ValueError:  # no closing quotation
        return None
    quoted = shlex.join(words)
    ours = words[:2] == ["perceptron", "compare"]
    # In one line and without characters that nobody sees.
    return quoted if ours and label(quoted) == quoted else None


def _changed(row: Row) -> bool:
    return row.verdict in {"regression", "improvement"}


def _head(found: Comparison, pull: PullRequest | None) -> list[str]:
    plan = found.plan
    lines = [TAG, "", f"**{found.verdict}**: {code(found.reason, _LONGEST_REASON)}", ""]
    of = "" if pull is None else f"Commit {code(pull.commit[:12])}. "
    lines.append(f"{of}BASE {_side(plan.base)}, HEAD {_side(plan.head)}.")
    versions = _versions(found)
    return [*lines, *(["", f"Differing beside the code: {versions}."] if versions else [])]


def _side(side: Side) -> str:
    dirty = "" if side.changes is None else " with changes"
    return f"{code(side.name, 60)} ({code(side.commit[:12])}{dirty})"


def _versions(found: Comparison) -> str:
    """Libraries and interpreters of which the two revisions ran different ones."""
    base, head = found.environment.base, found.environment.head
    names = [name for name in {**base, **head} if base.get(name) != head.get(name)]
    told = [
        code(f"{name} {base.get(name, 'none')} → {head.get(name, 'none')}", 100)
        for name in names[:_MOST_VERSIONS]
    ]
    more = len(names) - len(told)
    return ", ".join(told) + (f" and {more} more" if more else "")


def _foot(found: Comparison, pull: PullRequest | None) -> list[str]:
    plan = found.plan
    machine = found.environment.machine
    spent = (
        f"{comparison.amount(found.seconds, 'seconds')} of "
        f"{comparison.amount(plan.budget_seconds, 'seconds')} spent"
    )
    told = [comparison.detectable(found.rows)]
    told += [comparison.control(found)] if found.control.rows else []
    told += [
        spent,
        f"{count(plan.screen_blocks)} blocks screened",
        f"seed {count(plan.seed).replace(',', '')}",
    ]
    lines = ["", f"{'; '.join(told)[0].upper()}{'; '.join(told)[1:]}."]
    if machine:
        lines[-1] += f" Machine: {code(', '.join(machine.values()))}."
    again = command(found.reproduce)
    # Quoted words hold no line break, so nothing ends the fence but its own line.
    # The merge that was measured is in nobody's clone.
    fetch = [] if pull is None else [f"git fetch origin refs/pull/{pull.number}/merge"]
    shown = (
        ["Again:", "", "~~~sh", *fetch, again, "~~~"]
        if again
        else ["Its command cannot be shown here."]
    )
    return [*lines, "", *shown]


def _part(title: list[str], head: list[str], lines: list[str], room: markdown.Room) -> list[str]:
    """A list or table with as many lines as there is room for; nothing if it has none."""
    if not lines:
        return []
    shown = room.take(lines)
    more = len(lines) - len(shown)
    left = ["", f"{more} more left out for want of room."] if more else []
    opening = [*title, ""] if title else []
    return ["", *opening, *(head if shown else []), *shown, *left]


def _fold(found: Comparison, others: Sequence[Row], room: markdown.Room) -> list[str]:
    rows = _part([], markdown.table(_OTHERS), [_other_row(row) for row in others], room)
    out = [
        f"- {code(names, 160)}: {code(reason, _LONGEST_REASON)}"
        for names, reason in comparison.left_out(found)
    ]
    rows += _part(["**Left out**"], [], out, room)
    if not rows:
        return []
    verdicts = [row.verdict for row in others]
    told = [f"{verdicts.count(each)} {each}" for each in dict.fromkeys(verdicts)]
    told += [f"{len(found.plan.left_out)} left out"] if out else []
    return ["", "<details>", f"<summary>{', '.join(told)}</summary>", *rows, "", "</details>"]


def _changed_row(row: Row) -> str:
    p = "" if row.p_adjusted is None else f" (p = {row.p_adjusted:.1g})"
    return markdown.line([_name(row), _times(row), comparison.change(row), _blocks(row), f"yes{p}"])


def _other_row(row: Row) -> str:
    smallest = row.smallest_detectable
    return markdown.line(
        [
            _name(row),
            row.verdict,
            _times(row),
            comparison.change(row),
            _blocks(row),
            "–" if smallest is None else comparison.percent(smallest),
            code(row.reason or "", _LONGEST_REASON),
        ]
    )


def _broken(row: Row) -> str:
    return f"- {_name(row)}: {code(row.reason or '', _LONGEST_REASON)}"


def _moved(moved: MovedCrossover) -> str:
    before, after = comparison.crossover_ends(moved)
    return f"- {code(moved.family)}: BASE {code(before)}, HEAD {code(after)}"


def _warnings(found: Comparison) -> list[str]:
    return [f"- {code(each.message, 300)}: {code(each.advice, 300)}" for each in found.warnings]


def _name(row: Row) -> str:
    return code(comparison.name(row), 160)


def _times(row: Row) -> str:
    """Base and head, in their unit."""
    told = []
    for value in (row.base, row.head):
        if row.unit == "seconds" or value is None:
            told.append(comparison.amount(value, row.unit))
        else:
            told.append(f"{comparison.amount(value, '').strip()} {code(row.unit, 20)}")
    return " → ".join(told)


def _blocks(row: Row) -> str:
    """How many the estimate stands on."""
    return count(row.confirmation_blocks or row.screen_blocks)
