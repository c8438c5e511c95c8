"""A description of a comparison for the terminal, the comment on a pull request and the page.

Every text may hold names and reasons from outside. A renderer treats all texts as untrusted,
escapes them in its own format, and lays them out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf

from perceptron.answer import Table
from perceptron.numbers import Cell, counted, percent
from perceptron.records.comparison import ComparedRevision, Comparison, LeftOut, Row, rule_of
from perceptron.report import comparison_row as shown
from perceptron.report.comparison_notes import Note, about_rows, about_the_run, named
from perceptron.untrusted_text import label, shortened


@dataclass(frozen=True)
class Described:
    """A comparison in words, the same for terminal, comment and page."""

    verdict: str
    """The verdict in one or two words, to show before the sentence."""
    subject: str
    """The benchmark of the sentence; empty if the sentence is about the run."""
    sentence: str
    lines: list[str]
    """Lines to show beside the verdict."""
    title: str
    """The names of both revisions."""
    changed: Table
    changed_rows: list[Row]
    """The rows of the table ``changed``, in its order."""
    others: Table
    notes: list[Note]
    """Notes, the most important first."""
    measured: bool
    """Whether benchmarks were measured, or should have been."""

    @property
    def said(self) -> str:
        """The sentence with its subject."""
        return f"{self.subject} {self.sentence}".lstrip()

    @property
    def tables(self) -> list[Table]:
        """Tables with rows."""
        return [table for table in (self.changed, self.others) if table.rows]


# Later columns are omitted where all rows are empty.
_ALWAYS = ("benchmark", "verdict", "base → head>")
_COMMON = (*_ALWAYS, "change [99%]>", "waiting>")
_CHANGED = (*_COMMON, "instructions>", "why")
_OTHERS = (*_COMMON, "detectable>", "instructions>")
# Characters of the first line of an answer, and of a name that is never cut.
_LONGEST_LINE, _UNCUT = 100, 60
_COMMIT = 12
# Fewer may be the name of a branch.
_DIGITS = 7
# Texts in reasons which a longer run may resolve.
_ASKS_FOR_TIME = ("--budget", "the time that was left")
_WAITED = "of its time for a core"


def describe(comparison: Comparison) -> Described:
    """Return the description, its parts in the order of their importance."""
    rows = shown.in_order(comparison.rows)
    changed = [row for row in rows if shown.has_changed(row)]
    others = [row for row in rows if not shown.has_changed(row)]
    verdict, subject, (sentence, *lines) = _verdict(comparison, changed)
    if comparison.verdict == "inconclusive":
        lines.append(_what_would_help(comparison))
    elif comparison.verdict == "clean" and (undecided := _clock_undecided(comparison)):
        lines.append(_about_undecided(comparison, undecided))
    elif comparison.control.alarmed:
        lines.append("times decide nothing here: BASE differs from a second copy of itself")
    if comparison.removed:
        lines.insert(0, f"gone on HEAD: {named(comparison.removed)}")
    base, head = comparison.plan.base, comparison.plan.head
    return Described(
        verdict=verdict,
        subject=subject,
        sentence=sentence,
        lines=lines,
        title=f"{side_name(base)} → {side_name(head)}",
        changed=_table(
            "Benchmarks that changed",
            _CHANGED,
            (
                (*shown.cells(row), shown.instruction_change(row.instructions), shown.why(row))
                for row in changed
            ),
        ),
        changed_rows=changed,
        others=_table(
            "All others" if changed else "Every benchmark",
            _OTHERS,
            (
                (
                    *shown.cells(row),
                    shown.detectable(row),
                    shown.instruction_change(row.instructions),
                )
                for row in others
            ),
        ),
        notes=[*about_rows(comparison, rows), *about_the_run(comparison)],
        measured=bool(comparison.rows or comparison.plan.left_out),
    )


def _table(title: str, columns: Sequence[str], rows: Iterable[tuple[Cell, ...]]) -> Table:
    """Return the table without columns that are empty in every row."""
    rows = tuple(rows)
    indices = [
        index
        for index, column in enumerate(columns)
        if column in _ALWAYS or any(row[index] is not None for row in rows)
    ]
    return Table(
        title=title,
        columns=tuple(columns[index] for index in indices),
        rows=tuple(tuple(row[index] for index in indices) for row in rows),
    )


def side_name(side: ComparedRevision) -> str:
    """Return the name of a revision with its commit, since ``HEAD^1`` alone is ambiguous later."""
    commit = side_commit(side, _COMMIT)
    # A commit named by its own digits.
    if side.changes is None and side.commit.startswith(side.name) and len(side.name) >= _DIGITS:
        return commit
    return f"{shortened(side.name, _UNCUT)} ({commit})"


def side_commit(side: ComparedRevision, digits: int = 40) -> str:
    """Return the commit of a revision, marked if the working tree adds changes."""
    commit = side.commit[:digits]
    return commit if side.changes is None else f"{commit} with changes {side.changes[:digits]}"


# --- the verdict ----------------------------------------------------------------------------------


def _verdict(comparison: Comparison, changed: Sequence[Row]) -> tuple[str, str, list[str]]:
    """Return the verdict, its subject and its sentence; the subject is the worst benchmark.

    Clauses that do not fit into the first line become further lines.
    """
    total, judged = _total(comparison), _judged(comparison)
    numbers = dict.fromkeys(shown.CHANGES, 0)
    for row in changed:
        numbers[shown.verdict(row)] += 1
    # Changes begin with the worst.
    worst = shown.verdict(changed[0]) if changed else None
    worse = {"regression": ("broken", "slower"), "inconclusive": (shown.PROBABLY,)}
    if worst in worse.get(comparison.verdict, ()):
        clock = None if comparison.control.alarmed else shown.by_clock(changed[0])
        return worst, *_of_the_worst(worst, changed[0], _how_many(numbers, judged, total), clock)
    if comparison.verdict == "clean" and judged:
        muted = sum(row.muted is not None for row in comparison.rows)
        end = f", {numbers['faster']:,} faster" if numbers["faster"] else ""
        end += f", {muted:,} muted" if muted else ""
        undecided = _clock_undecided(comparison)
        if undecided:
            end = f" by instructions{end}; {_unseen(undecided, judged)}"
        of = counted(total, "benchmark")
        if judged < total:
            return "clean", "", [f"{judged:,} of {of} judged, none slower{end}"]
        return "clean", "", [f"none of {of} {'' if undecided else 'became '}slower{end}"]
    room = _LONGEST_LINE - len(comparison.verdict) - 2
    return comparison.verdict, "", _parts(comparison.reason, room)


def _of_the_worst(word: str, row: Row, many: str, clock: str | None) -> tuple[str, list[str]]:
    """Return the name of the worst row, and its sentence: with ``many`` similar rows, and the
    ``clock`` beside instructions."""
    name = label(row.key)
    sentence = "fails on HEAD" if word == "broken" else shown.takes(row)
    room = _LONGEST_LINE - len(f"{word}:  {sentence}")
    beside = [clock or ""]
    if min(len(name), _UNCUT) <= room - len(many):
        room -= len(many)
        sentence += many
    else:
        beside.append(many.removeprefix("; "))
    room = max(_UNCUT, room)
    if len(name) > room:  # without its middle: names often differ at their ends
        name = f"{name[: room // 2]}…{name[-((room - 1) // 2) :]}"
    return name, [sentence, *filter(None, beside)]


def _how_many(numbers: dict[str, int], judged: int, total: int) -> str:
    """Return ``; 1 of 4 benchmarks broken, 2 slower, 3 judged``, empty if there is only one."""
    if total < 2:
        return ""
    (word, first), *further = [(word, numbers[word]) for word in shown.WORSE if numbers[word]]
    parts = [f"{first:,} of {counted(total, 'benchmark')} {word}"]
    parts += [f"{number:,} {word}" for word, number in further]
    parts += [f"{judged:,} judged"] if judged < total - numbers[shown.PROBABLY] else []
    return f"; {', '.join(parts)}"


def _parts(reason: str, room: int) -> list[str]:
    """Return a reason that is too long for a line as two, split between clauses."""
    ends = [match.start() for match in re.finditer("(?<!next)[:;] ", reason[: room + 2])]
    if len(reason) <= room or not ends:
        return [reason]
    return [reason[: ends[-1]], reason[ends[-1] + 2 :]]


# --- what is undecided ----------------------------------------------------------------------------


def _clock_undecided(comparison: Comparison) -> list[Row]:
    """Return the rows that only instructions judged, because times were too noisy."""
    return [row for row in comparison.rows if row.clock_undecided and row.muted is None]


def _unseen(undecided: Sequence[Row], judged: int) -> str:
    """Return the slowdowns that times could not show, and in how many benchmarks."""
    if all(row.change is None for row in undecided):
        none = len(undecided) == judged
        return "nothing was timed" if none else f"the clock did not time {len(undecided):,}"
    return f"the clock saw nothing{_below(undecided)} in {len(undecided):,}"


def _below(undecided: Sequence[Row]) -> str:
    """Return `` below 48%``, the largest that times would have confirmed, if all are known."""
    largest = max(map(shown.detectable_share, undecided))
    return "" if largest == inf else f" below {percent(largest, 0)}"


def _about_undecided(comparison: Comparison, undecided: Sequence[Row]) -> str:
    """Return which benchmarks' times were too noisy, and the remedy."""
    ordered = sorted(undecided, key=shown.detectable_share, reverse=True)
    names = named([f"{row.key}{_below([row])}" for row in ordered])
    # A longer budget does not measure more blocks than these.
    limit = comparison.plan.rule.get("most_screen", inf)
    if all(row.screen_blocks >= limit for row in undecided):
        return f"undecided by the clock: {names}; next: an idle machine"
    return f"undecided by the clock: {names}; next: {_longer(comparison)}, or an idle machine"


def _what_would_help(comparison: Comparison) -> str:
    """Return how many were judged, how many are undecided, and the option that would change it."""
    total, judged = _total(comparison), _judged(comparison)
    unjudged = [
        *((row.key, row.reason or "") for row in comparison.rows if _is_unjudged(row)),
        *((skipped.benchmark, skipped.reason) for skipped in _missing(comparison)),
    ]
    parts = []
    if total:
        none = ", none slower" if judged else ""
        parts.append(f"judged: {judged:,} of {counted(total, 'benchmark')}{none}")
    if unjudged:
        parts.append(f"undecided: {named([name for name, _ in unjudged])}")
    reasons = [comparison.reason, *(reason for _, reason in unjudged)]
    return "; ".join([*parts, f"next: {_next(comparison, reasons)}"])


def _next(comparison: Comparison, reasons: Sequence[str]) -> str:
    """Return the most useful remedy; a larger budget only if a reason asks for time."""
    for option in ("--build", "--allow-removed"):
        if any(option in reason for reason in reasons):
            return option
    if comparison.control.alarmed:
        return "an idle machine"
    if not any(ask in reason for reason in reasons for ask in _ASKS_FOR_TIME):
        return "see the reasons below"
    if comparison.environment.counter is None:
        if comparison.plan.count == "never":
            return "--count auto"
        if comparison.environment.machine.get("system") == "Linux":
            return "apt install valgrind, to count instructions"
    has_waited = any(_WAITED in reason for reason in reasons)
    return f"{'an idle machine, or ' if has_waited else ''}{_longer(comparison)}"


def _longer(comparison: Comparison) -> str:
    return f"--budget {2 * comparison.plan.budget_seconds / 60:g}"


def _total(comparison: Comparison) -> int:
    """Return the number of benchmarks that should have been judged.

    Muted ones and those that skip themselves do not count.
    """
    return sum(row.muted is None for row in comparison.rows) + len(_missing(comparison))


def _judged(comparison: Comparison) -> int:
    return sum(row.muted is None and not _is_unjudged(row) for row in comparison.rows)


def _is_unjudged(row: Row) -> bool:
    return row.muted is None and row.verdict in {"inconclusive", "invalid"}


def _missing(comparison: Comparison) -> list[LeftOut]:
    """Return the benchmarks without a row that should have one."""
    rules = comparison.plan.gate_rules
    return [
        skipped
        for skipped in comparison.plan.left_out
        if not skipped.reason.startswith("skipped: ")
        if "cannot be imported: Skipped: " not in skipped.reason
        if rule_of(skipped.benchmark, rules).mute is None
    ]
