"""A comparison as the single comment of a pull request.

Every text of a comparison is untrusted. Words and numbers stay as they are, and all other text is
in code spans, in which a forge makes no mention, reference or link and reads no HTML. Escaping is
not enough: forges look for mentions and references after they undo escapes.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from perceptron import numbers
from perceptron.answer import Table
from perceptron.records.comparison import Comparison
from perceptron.report.comparison import describe
from perceptron.report.comparison_address import address
from perceptron.report.tables import markdown as table
from perceptron.untrusted_text import label

TAG = "<!-- perceptron-gate -->"
"""The first line of the comment, by which the comment is found again."""
MOST_BYTES = 60 * 1024
"""Below GitHub's limit of 65,536 characters."""

_LONGEST_COMMAND = 2000
_DEFAULT_HTML = Path("html")
# Bytes for titles, the heads of tables, and the lines with numbers of omitted entries.
_RESERVE = 2048
# Characters of a name or a reason, and of a line of several.
_LONGEST, _LONGEST_LINE = 300, 1200
# These two end a code span and a cell, and forges disagree on their escapes.
_LOOK_ALIKES = str.maketrans({"`": "ˋ", "|": "∣"})
# Words, numbers and intervals, which no forge interprets: a number is not followed by the mark of a
# list, and brackets hold two numbers and follow a word.
_NUMBER = r"[-+]?[0-9][0-9,]*(?:\.[0-9]+)?[%×]?"
_WORD = rf"(?:[A-Za-zµ]+|{_NUMBER}|→|–)"
_PLAIN = re.compile(rf"{_WORD}(?:,? (?:{_WORD}|\[{_NUMBER}, {_NUMBER}\]))*")


@dataclass(frozen=True)
class PullRequest:
    """The pull request to comment on, as the forge describes it, not the run."""

    number: int
    commit: str
    """The head of its branch; the measured code is that commit merged into the base."""


def nothing(pull: PullRequest) -> str:
    """Return the comment on a run that compared nothing, to replace an earlier table."""
    return (
        f"{TAG}\n\n**not compared**: commit {code(pull.commit[:12])} could not be measured; the "
        "reason is in the log of its run.\n"
    )


def unreadable(pull: PullRequest, reason: str) -> str:
    """Return the comment on a run whose document cannot be shown, to replace an earlier table."""
    return (
        f"{TAG}\n\n**not shown**: the result of commit {code(pull.commit[:12])} cannot be shown: "
        f"{code(reason)}\n"
    )


def comment(
    comparison: Comparison,
    pull: PullRequest | None = None,
    published: str | None = None,
    html: Path | None = None,
    most: int = MOST_BYTES,
) -> str:
    """Return Markdown: the verdict, the changes, and a folded part.

    It has less than ``most`` bytes, unless its mandatory parts take more.

    ``published`` is the address below which pages are published, as `comparison_address.published`
    returns it; ``html`` is the folder of the pages, which is named if it is the default. Lines that
    do not fit are omitted and counted, those of the folded part first.
    """
    described = describe(comparison)
    prefix = "" if pull is None else f"Commit {code(pull.commit[:12])}, "
    measured = f"{prefix}{line(described.title)}{_page(comparison, published, html)}"
    subject = f"{code(described.subject)} " if described.subject else ""
    top = [TAG, "", f"**{described.verdict}**: {subject}{line(described.sentence)}"]
    foot = ["", measured, "", *_again(comparison, pull)]
    room = Room(most - _RESERVE - len("\n".join([*top, *foot]).encode()))
    warnings = [
        f"- **warning**: {line(warning.message)}: {line(warning.advice)}"
        for warning in comparison.warnings
    ]
    beside = [f"- {line(text)}" for text in described.lines]
    parts = [
        *part([], beside, room, "line"),
        *_table(described.changed, room),
        *part([], warnings, room, "warning"),
    ]
    notes = [f"- **{about}** {line(text)}" for about, text in described.notes]
    folded = [*part([], notes, room, "line"), *_table(described.others, room)]
    number = len(described.others.rows)
    prefix = f"{numbers.counted(number, 'other benchmark')} and " if number else ""
    summary = f"<summary>{prefix}details</summary>"
    fold = ["", "<details>", summary, *folded, "", "</details>"]
    return "\n".join([*top, *parts, *foot, *fold]) + "\n"


def _table(shown: Table, room: Room) -> list[str]:
    rows = [table.line([code(name), *map(line, cells)]) for name, *cells in shown.texts]
    return part(table.head(shown.columns), rows, room, "benchmark")


def part(head: list[str], entries: list[str], room: Room, what: str) -> list[str]:
    """Return a list or table with as many entries as fit; empty if it has none.

    ``what`` is the noun for counting omitted entries.
    """
    fitting = room.fit(entries)
    more = len(entries) - len(fitting)
    many = numbers.counted(more, f"more {what}")
    omitted = ["", f"{many} left out for want of room."] if more else []
    return ["", *head, *fitting, *omitted] if fitting else omitted


def _again(comparison: Comparison, pull: PullRequest | None) -> list[str]:
    again = command(comparison.reproduce)
    if again is None:
        return ["The command that does the same again cannot be shown."]
    # No clone holds the measured merge.
    fetch = [] if pull is None else [f"git fetch origin refs/pull/{pull.number}/merge"]
    # Quoted words hold no line break, so nothing ends the fence but its own line.
    return ["~~~sh", *fetch, again, "~~~"]


def _page(comparison: Comparison, published: str | None, html: Path | None) -> str:
    """Return a link to the figures, at a path from the plan: a document's path is not trusted."""
    page = address(comparison.plan)
    if page is None or comparison.page is None:
        return ""
    if published is not None:
        # Some servers read a plus sign in a path as a blank.
        return f", [page with figures]({published}/{page.replace('+', '%2B')})"
    # A folder on another machine is of no use.
    return f", page {code(f'{html}/{page}')}" if html == _DEFAULT_HTML else ""


def command(line: str) -> str | None:
    """Return the command that repeats the comparison, quoted for a shell.

    None if it is another command than `perceptron compare`, or cannot be shown in a line.
    """
    try:
        arguments = shlex.split(line) if len(line) <= _LONGEST_COMMAND else []
    except ValueError:  # no closing quotation
        return None
    quoted = shlex.join(arguments)
    is_compare = arguments[:2] == ["perceptron", "compare"]
    # In one line and without invisible characters.
    return quoted if is_compare and label(quoted) == quoted else None


def line(text: str) -> str:
    """Return a text in one line, whatever it holds, with all but words and numbers as code.

    >>> line("undecided: sums.time_sum; 1 of 2 benchmarks judged")
    'undecided: `sums.time_sum`; 1 of 2 benchmarks judged'
    """
    if len(text) > _LONGEST_LINE:
        text = f"{text[:_LONGEST_LINE]}…"
    clauses = re.split("( ?[:;] )", label(text))
    for index in range(0, len(clauses), 2):
        clause = clauses[index]
        if clause and (len(clause) > _LONGEST or not _PLAIN.fullmatch(clause)):
            clauses[index] = code(clause)
    return "".join(clauses)


def code(text: str) -> str:
    """Return the text as a code span in one line of at most 300 characters.

    It is safe anywhere, also in a table's cell; an empty text becomes a dash.
    """
    # Cut before cleaning, however long the text is.
    clean = label(text[: 4 * _LONGEST]).translate(_LOOK_ALIKES)
    if len(clean) > _LONGEST or len(text) > 4 * _LONGEST:
        clean = clean[: _LONGEST - 1] + "…"
    return f"`{clean}`" if clean else numbers.NONE


class Room:
    """The bytes that are left for text."""

    def __init__(self, most: int) -> None:
        self.left = most

    def fit(self, lines: Sequence[str]) -> list[str]:
        """Return the leading lines that fit, and subtract their bytes."""
        for index, text in enumerate(lines):
            size = len(text.encode()) + 1
            if size > self.left:
                return list(lines[:index])
            self.left -= size
        return list(lines)
