"""A comparison as the one comment that a pull request has for it.

Names, parameters, units, reasons and commands are untrusted text; see `markdown`.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from perceptron.records.comparison import Comparison, MovedCrossover, Row, Side
from perceptron.report.comparison_address import address
from perceptron.report.pull_request import markdown, rows
from perceptron.report.pull_request.markdown import code, count
from perceptron.report.tables import comparison as text
from perceptron.report.tables import comparison_notes as notes
from perceptron.report.tables import markdown as table
from perceptron.report.tables.grouped import Said
from perceptron.untrusted_text import label

TAG = "<!-- perceptron-gate -->"
"""The first line of the comment, by which the comment is found again."""
MOST_BYTES = 60 * 1024
"""Below what forges accept: GitHub's bound is 65,536 characters."""

# Of two benchmarks, and how many more there are.
_LONGEST_NAMES = 400
_LONGEST_COMMAND = 2000
_MOST_VERSIONS = 10
_DEFAULT_HTML = Path("html")
# Bytes kept for titles, the heads of tables, and the lines that say how many were left out.
_RESERVE = 2048


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


def unreadable(pull: PullRequest, reason: str) -> str:
    """Return the comment on a run whose document cannot be shown, for the same."""
    return (
        f"{TAG}\n\n**not shown**: what the run of commit {code(pull.commit[:12])} left cannot be "
        f"shown: {code(reason, rows.LONGEST_REASON)}\n"
    )


def comment(
    comparison: Comparison,
    pull: PullRequest | None = None,
    published: str | None = None,
    html: Path | None = None,
) -> str:
    """Return Markdown of less than `MOST_BYTES`: what changed on top, the rest folded.

    ``published`` is the address below which pages are published, as `comparison_address.published`
    returns it; ``html`` the folder that they were written to, which is named if it is the default.
    What is left out where there is not room for all is counted: the folded rows go first, and what
    fails on HEAD last.
    """
    ordered = text.in_order(comparison.rows)
    failing = [row for row in ordered if _changed(row) and not _known(row)]
    changed = [row for row in ordered if _changed(row) and _known(row)]
    slower = [rows.changed_row(row) for row in changed if row.verdict == "regression"]
    faster = [rows.changed_row(row) for row in changed if row.verdict == "improvement"]
    moved = [_moved(moved) for moved in comparison.moved_crossovers]
    others = [row for row in ordered if not _changed(row)]
    head, foot = _head(comparison, pull), _foot(comparison, pull, published, html)
    room = markdown.Room(MOST_BYTES - _RESERVE - len("\n".join([*head, *foot]).encode()))
    title = "Fails on HEAD, or works again"
    parts = [
        *_part(title, [], [rows.without_numbers(row) for row in failing], room, "benchmark"),
        *_part("", table.head(rows.CHANGED), slower, room, "benchmark"),
        *_part("Crossovers that moved", [], moved, room, "crossover"),
        *_part("Improvements", table.head(rows.CHANGED), faster, room, "benchmark"),
        *_part("Warnings", [], _warnings(comparison), room, "warning"),
    ]
    return "\n".join([*head, *parts, *foot, *_fold(comparison, ordered, others, room)]) + "\n"


def _changed(row: Row) -> bool:
    return row.verdict in {"regression", "improvement"}


def _known(row: Row) -> bool:
    """Return whether it ran on both revisions."""
    return row.change is not None or row.work is not None


def _head(comparison: Comparison, pull: PullRequest | None) -> list[str]:
    plan = comparison.plan
    lines = [
        TAG,
        "",
        f"**{comparison.verdict}**: {code(comparison.reason, rows.LONGEST_REASON)}",
        "",
    ]
    of = "" if pull is None else f"Commit {code(pull.commit[:12])}. "
    lines.append(f"{of}BASE {_side(plan.base)}, HEAD {_side(plan.head)}.")
    installed = [f"{side} imported {code(own, 200)}" for side, own in notes.installed(comparison)]
    lines += ["", f"Installed code: {', '.join(installed)}."] if installed else []
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


def _foot(
    comparison: Comparison, pull: PullRequest | None, published: str | None, html: Path | None
) -> list[str]:
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
        ["Reproduce:", "", "~~~sh", *fetch, reproduce, "~~~"]
        if reproduce
        else ["Its command cannot be shown here."]
    )
    return [*lines, *_page(comparison, published, html), "", *shown]


def _page(comparison: Comparison, published: str | None, html: Path | None) -> list[str]:
    """Return where the figures are. The path is worked out again: what the document says is not."""
    page = address(comparison.plan)
    if page is None or comparison.page is None:
        return []
    if published is not None:
        # A plus sign in a path is a blank to some servers.
        return ["", f"[Page]({published}/{page.replace('+', '%2B')}): figures of every change."]
    # A folder of a machine that nobody else sees says nothing.
    return ["", f"Page: {code(f'{html}/{page}')}."] if html == _DEFAULT_HTML else []


def _part(
    title: str, head: list[str], entries: list[str], room: markdown.Room, what: str
) -> list[str]:
    """Return a list or table with as many entries as there is room for; nothing if it has none.

    ``what`` an entry is says how many of them were left out.
    """
    if not entries:
        return []
    shown = room.fit(entries)
    more = len(entries) - len(shown)
    many = f"{more:,} more {what}{'' if more == 1 else 's'}"
    left = ["", f"{many} left out for want of room."] if more else []
    opening = [f"**{title}**", ""] if title else []
    return ["", *opening, *(head if shown else []), *shown, *left]


def _fold(
    comparison: Comparison, ordered: Sequence[Row], others: Sequence[Row], room: markdown.Room
) -> list[str]:
    explained = [row for row in ordered if rows.is_explained(row)]
    left_out, not_counted = notes.left_out(comparison), notes.not_counted(comparison.rows)
    why = [rows.explanation(row) for row in explained]
    unchanged = [rows.other_row(row) for row in others]
    parts = [
        *_part("Why", [], why, room, "benchmark"),
        *_part("", table.head(rows.OTHERS), unchanged, room, "benchmark"),
        *_part("Left out", [], _said(left_out), room, "line"),
        *_part("Not counted", [], _said(not_counted), room, "line"),
    ]
    if not parts:
        return []
    verdicts = [row.verdict for row in others]
    counts = _explained(explained)
    counts += [f"{verdicts.count(verdict)} {verdict}" for verdict in dict.fromkeys(verdicts)]
    counts += [f"{len(comparison.plan.left_out)} left out"] if left_out else []
    counts += ["some not counted"] if not_counted else []
    return ["", "<details>", f"<summary>{', '.join(counts)}</summary>", *parts, "", "</details>"]


def _explained(explained: Sequence[Row]) -> list[str]:
    """Return on how many benchmarks the fold says in which functions they changed, or else what."""
    functions = sum(bool(row.why) for row in explained)
    others = len(explained) - functions
    plural = "" if functions == 1 else "s"
    counts = [f"functions of {functions} changed benchmark{plural}"] if functions else []
    return counts + ([f"notes on {others}{' other' if functions else ''}"] if others else [])


def _said(said: Sequence[Said]) -> list[str]:
    return [
        f"- {code(names, _LONGEST_NAMES)}: {code(reason, rows.LONGEST_REASON)}"
        for names, reason in said
    ]


def _moved(moved: MovedCrossover) -> str:
    before, after = notes.crossover_ends(moved)
    return f"- {code(moved.family)}: BASE {code(before)}, HEAD {code(after)}"


def _warnings(comparison: Comparison) -> list[str]:
    return [
        f"- {code(warning.message, 300)}: {code(warning.advice, 300)}"
        for warning in comparison.warnings
    ]


def command(line: str) -> str | None:
    """Return the command that does it again, quoted: a shell runs `perceptron compare` or nothing.

    None if it is another command, or one that cannot be shown in a line.
    """
    try:
        words = shlex.split(line) if len(line) <= _LONGEST_COMMAND else []
    except ValueError:  # no closing quotation
        return None
    quoted = shlex.join(words)
    ours = words[:2] == ["perceptron", "compare"]
    # In one line and without characters that nobody sees.
    return quoted if ours and label(quoted) == quoted else None
