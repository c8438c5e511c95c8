"""A comparison as the one comment that a pull request has for it.

Names, parameters, units, reasons and commands are untrusted text; see `markdown`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from perceptron.records.comparison import Comparison, MovedCrossover, Row, Side
from perceptron.report.comparison_address import address
from perceptron.report.numbers import NONE, digits
from perceptron.report.pull_request import markdown
from perceptron.report.pull_request.markdown import code, count
from perceptron.report.pull_request.reproduce import command
from perceptron.report.tables import comparison as text
from perceptron.report.tables import comparison_notes as notes
from perceptron.report.tables import markdown as table
from perceptron.report.tables import why
from perceptron.report.tables.grouped import Said
from perceptron.report.tables.reach import reach

TAG = "<!-- perceptron-gate -->"
"""The first line of the comment, by which the comment is found again."""
MOST_BYTES = 60 * 1024
"""Below what forges accept: GitHub's bound is 65,536 characters."""

_CHANGED = (
    "benchmark",
    "base → head>",
    "Δ [99 % interval]>",
    "blocks>",
    "work, instructions a call>",
    "stands on",
)
_OTHERS = (
    "benchmark",
    "verdict",
    "base → head>",
    "Δ [99 % interval]>",
    "blocks>",
    "detectable>",
    "work, instructions a call>",
    "stands on",
    "why",
)
_LONGEST_REASON = 300
_LONGEST_WHY = 300
# Of two benchmarks, and how many more there are.
_LONGEST_NAMES = 400
_MOST_VERSIONS = 10
# Bytes kept for the lines that say how many others were left out.
_RESERVE = 1024


@dataclass(frozen=True)
class PullRequest:
    """The pull request to comment on, as the forge describes it, and not the run."""

    number: int
    commit: str
    """The head of its branch; what was measured is that commit merged into the base."""


def nothing(pull: PullRequest) -> str:
    """Return the comment on a run that compared nothing: an earlier table must not stand for it."""
    return (
        f"{TAG}\n\n**not compared**: commit {code(pull.commit[:12])} could not be measured; the "
        "log of its run says why.\n"
    )


def comment(
    comparison: Comparison, pull: PullRequest | None = None, published: str | None = None
) -> str:
    """Return Markdown of less than `MOST_BYTES`: what changed on top, the rest folded.

    ``published`` is the address below which pages are published, as `comparison_address.published`
    returns it. Where there is not room for all, the folded rows are left out first, and counted.
    """
    ordered = text.in_order(comparison.rows)
    changed = [row for row in ordered if _changed(row) and _known(row)]
    broken = [row for row in ordered if _changed(row) and not _known(row)]
    others = [row for row in ordered if not _changed(row)]
    head, foot = _head(comparison, pull), _foot(comparison, pull, published)
    room = markdown.Room(MOST_BYTES - _RESERVE - len("\n".join([*head, *foot]).encode()))
    parts = [
        *_part([], table.head(_CHANGED), [_changed_row(row) for row in changed], room),
        *_part(["**Broke, or works again, on HEAD**"], [], [_broken(row) for row in broken], room),
        *_part(
            ["**Crossovers that moved**"],
            [],
            [_moved(moved) for moved in comparison.moved_crossovers],
            room,
        ),
        *_part(["**Warnings**"], [], _warnings(comparison), room),
    ]
    return "\n".join([*head, *parts, *foot, *_fold(comparison, ordered, others, room)]) + "\n"


def _changed(row: Row) -> bool:
    return row.verdict in {"regression", "improvement"}


def _known(row: Row) -> bool:
    """Return whether it ran on both revisions."""
    return row.change is not None or row.work is not None


def _head(comparison: Comparison, pull: PullRequest | None) -> list[str]:
    plan = comparison.plan
    lines = [TAG, "", f"**{comparison.verdict}**: {code(comparison.reason, _LONGEST_REASON)}", ""]
    of = "" if pull is None else f"Commit {code(pull.commit[:12])}. "
    lines.append(f"{of}BASE {_side(plan.base)}, HEAD {_side(plan.head)}.")
    versions = _versions(comparison)
    return [*lines, *(["", f"Differing beside the code: {versions}."] if versions else [])]


def _side(side: Side) -> str:
    dirty = "" if side.changes is None else " with changes"
    return f"{code(side.name, 60)} ({code(side.commit[:12])}{dirty})"


def _versions(comparison: Comparison) -> str:
    """Return the libraries and interpreters whose versions differ between the revisions."""
    base, head = comparison.environment.base, comparison.environment.head
    names = [name for name in {**base, **head} if base.get(name) != head.get(name)]
    changes = [
        code(f"{name} {base.get(name, 'none')} → {head.get(name, 'none')}", 100)
        for name in names[:_MOST_VERSIONS]
    ]
    more = len(names) - len(changes)
    return ", ".join(changes) + (f" and {more} more" if more else "")


def _foot(comparison: Comparison, pull: PullRequest | None, published: str | None) -> list[str]:
    plan = comparison.plan
    machine = comparison.environment.machine
    counter = comparison.environment.counter
    facts = [notes.detectable(comparison.rows)]
    if counter is not None:
        facts.append(f"counted by {code(counter, 60)}: {notes.counted(comparison.rows)}")
    facts += notes.waiting(comparison)
    facts += [notes.control(comparison)] if comparison.control.rows else []
    facts += [
        notes.spent(comparison),
        f"{count(plan.screen_blocks)} blocks screened",
        f"seed {count(plan.seed).replace(',', '')}",
    ]
    line = "; ".join(facts)
    lines = ["", f"{line[0].upper()}{line[1:]}."]
    if machine:
        lines[-1] += f" Machine: {code(', '.join(machine.values()))}."
    reproduce = command(comparison.reproduce)
    # Quoted words hold no line break, so nothing ends the fence but its own line.
    # No clone holds the merge that was measured.
    fetch = [] if pull is None else [f"git fetch origin refs/pull/{pull.number}/merge"]
    shown = (
        ["Again:", "", "~~~sh", *fetch, reproduce, "~~~"]
        if reproduce
        else ["Its command cannot be shown here."]
    )
    return [*lines, *_page(comparison, published), "", *shown]


def _page(comparison: Comparison, published: str | None) -> list[str]:
    """Return where the figures are. The path is worked out again: what the document says is not."""
    page = address(comparison.plan)
    if page is None or (published is None and comparison.page is None):
        return []
    if published is None:
        return ["", f"Its page: {code(f'html/{page}')}."]
    # A plus sign in a path is a blank to some servers.
    return ["", f"[Its page]({published}/{page.replace('+', '%2B')}): figures of every change."]


def _part(title: list[str], head: list[str], lines: list[str], room: markdown.Room) -> list[str]:
    """Return a list or table with as many lines as there is room for; nothing if it has none."""
    if not lines:
        return []
    shown = room.fit(lines)
    more = len(lines) - len(shown)
    left = ["", f"{more} more left out for want of room."] if more else []
    opening = [*title, ""] if title else []
    return ["", *opening, *(head if shown else []), *shown, *left]


def _fold(
    comparison: Comparison, ordered: Sequence[Row], others: Sequence[Row], room: markdown.Room
) -> list[str]:
    explained = [row for row in ordered if _changed(row) and (why.lines(row) or row.why_not)]
    left_out, not_counted = notes.left_out(comparison), notes.not_counted(comparison.rows)
    parts = [
        *_part(["**Why**"], [], [line for row in explained for line in _why(row)], room),
        *_part([], table.head(_OTHERS), [_other_row(row) for row in others], room),
        *_part(["**Left out**"], [], [*_reach(comparison), *_said(left_out)], room),
        *_part(["**Not counted**"], [], _said(not_counted), room),
    ]
    if not parts:
        return []
    verdicts = [row.verdict for row in others]
    counts = [f"why {len(explained)} changed"] if explained else []
    counts += [f"{verdicts.count(verdict)} {verdict}" for verdict in dict.fromkeys(verdicts)]
    counts += [f"{len(comparison.plan.left_out)} left out"] if left_out else []
    not_reached = len(comparison.plan.not_reached)
    counts += [f"{not_reached} run no changed code"] if not_reached else []
    counts += ["some not counted"] if not_counted else []
    return ["", "<details>", f"<summary>{', '.join(counts)}</summary>", *parts, "", "</details>"]


def _why(row: Row) -> list[str]:
    """Return the benchmark, then in which functions it does more and since which commit."""
    lines = [code(line, _LONGEST_WHY) for line in why.lines(row)]
    lines += [f"not known: {code(row.why_not, _LONGEST_REASON)}"] if row.why_not else []
    return [f"- {_name(row)}", *(f"  - {line}" for line in lines)]


def _reach(comparison: Comparison) -> list[str]:
    return [f"- {code(line, _LONGEST_NAMES)}" for line in reach(comparison)]


def _said(said: Sequence[Said]) -> list[str]:
    return [
        f"- {code(names, _LONGEST_NAMES)}: {code(reason, _LONGEST_REASON)}"
        for names, reason in said
    ]


def _changed_row(row: Row) -> str:
    p = f" (p = {row.p_adjusted:.1g})" if text.confirmed(row) else ""
    evidence = f"{text.evidence(row)}{p}"
    return table.line(
        [_name(row), _times(row), text.change(row), _blocks(row), _work(row), evidence]
    )


def _other_row(row: Row) -> str:
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
            code(row.reason or "", _LONGEST_REASON),
        ]
    )


def _broken(row: Row) -> str:
    return f"- {_name(row)}: {code(row.reason or '', _LONGEST_REASON)}"


def _moved(moved: MovedCrossover) -> str:
    before, after = notes.crossover_ends(moved)
    return f"- {code(moved.family)}: BASE {code(before)}, HEAD {code(after)}"


def _warnings(comparison: Comparison) -> list[str]:
    return [
        f"- {code(warning.message, 300)}: {code(warning.advice, 300)}"
        for warning in comparison.warnings
    ]


def _name(row: Row) -> str:
    return code(text.name(row), 160)


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
