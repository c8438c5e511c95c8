"""A comparison as the one comment that a pull request has for it.

Names, parameters, units, reasons and commands are untrusted text; see `markdown`.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from perceptron.records.comparison import Comparison
from perceptron.report.comparison import Table, describe
from perceptron.report.comparison_address import address
from perceptron.report.pull_request.markdown import Room, code, line
from perceptron.report.tables import markdown as table
from perceptron.untrusted_text import label

TAG = "<!-- perceptron-gate -->"
"""The first line of the comment, by which the comment is found again."""
MOST_BYTES = 60 * 1024
"""Below what forges accept: GitHub's bound is 65,536 characters."""

_LONGEST_COMMAND = 2000
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
        f"shown: {code(reason)}\n"
    )


def comment(
    comparison: Comparison,
    pull: PullRequest | None = None,
    published: str | None = None,
    html: Path | None = None,
) -> str:
    """Return Markdown of less than `MOST_BYTES`: the verdict, what changed, and one fold.

    ``published`` is the address below which pages are published, as `comparison_address.published`
    returns it; ``html`` the folder that they were written to, which is named if it is the default.
    What is left out where there is not room for all is counted: first what is folded.
    """
    told = describe(comparison)
    of = "" if pull is None else f"Commit {code(pull.commit[:12])}, "
    measured = f"{of}{line(told.title)}{_page(comparison, published, html)}"
    top = [TAG, "", f"**{told.verdict}**: {line(told.sentence)}"]
    foot = ["", measured, "", *_again(comparison, pull)]
    room = Room(MOST_BYTES - _RESERVE - len("\n".join([*top, *foot]).encode()))
    warnings = [
        f"- **warning**: {code(warning.message)}: {code(warning.advice)}"
        for warning in comparison.warnings
    ]
    beside = [f"- {line(text)}" for text in told.lines]
    parts = [
        *_part([], beside, room, "line"),
        *_table(told.changed, room),
        *_part([], warnings, room, "warning"),
    ]
    notes = [f"- **{about}** {line(text)}" for about, text in told.notes]
    folded = [*_part([], notes, room, "line"), *_table(told.others, room)]
    others = len(told.others.rows)
    of = f"{others:,} other benchmark{'' if others == 1 else 's'}, and " if others else ""
    summary = f"<summary>{of}how it was measured</summary>"
    fold = ["", "<details>", summary, *folded, "", "</details>"]
    return "\n".join([*top, *parts, *foot, *fold]) + "\n"


def _table(shown: Table, room: Room) -> list[str]:
    rows = [table.line(map(line, row)) for row in shown.rows]
    return _part(table.head(shown.columns), rows, room, "benchmark")


def _part(head: list[str], entries: list[str], room: Room, what: str) -> list[str]:
    """Return a list or table with as many entries as there is room for; nothing if it has none.

    ``what`` an entry is says how many of them were left out.
    """
    shown = room.fit(entries)
    more = len(entries) - len(shown)
    many = f"{more:,} more {what}{'' if more == 1 else 's'}"
    left = ["", f"{many} left out for want of room."] if more else []
    return ["", *head, *shown, *left] if shown else left


def _again(comparison: Comparison, pull: PullRequest | None) -> list[str]:
    """Return how to measure the same again."""
    again = command(comparison.reproduce)
    if again is None:
        return ["Its command cannot be shown here."]
    # No clone holds the merge that was measured.
    fetch = [] if pull is None else [f"git fetch origin refs/pull/{pull.number}/merge"]
    # Quoted words hold no line break, so nothing ends the fence but its own line.
    return ["~~~sh", *fetch, again, "~~~"]


def _page(comparison: Comparison, published: str | None, html: Path | None) -> str:
    """Return where the figures are. The path is worked out again: what the document says is not."""
    page = address(comparison.plan)
    if page is None or comparison.page is None:
        return ""
    if published is not None:
        # A plus sign in a path is a blank to some servers.
        return f", [page with figures]({published}/{page.replace('+', '%2B')})"
    # A folder of a machine that nobody else sees says nothing.
    return f", page {code(f'{html}/{page}')}" if html == _DEFAULT_HTML else ""


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
