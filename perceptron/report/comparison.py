"""A comparison described once, for the terminal, the comment on a pull request and the page.

Every text may hold names and reasons from outside. A renderer takes all of it as untrusted, makes
it safe in its own way, and lays it out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from statistics import median

from perceptron import numbers
from perceptron.answer import Table
from perceptron.numbers import NONE, enumerated
from perceptron.records.comparison import (
    ComparedRevision,
    Comparison,
    LeftOut,
    Row,
    rule_of,
)
from perceptron.report import comparison_row as shown
from perceptron.untrusted_text import label, shortened

PYTHON = "python"
"""The subject of the note that names what measured."""
Note = tuple[str, str]
"""The subject of a note, and its text."""


@dataclass(frozen=True)
class Described:
    """A comparison in words, the same for terminal, comment and page."""

    verdict: str
    """The verdict in one or two words, in front of the sentence."""
    subject: str
    """The benchmark that the sentence is about; empty where it is about the run."""
    sentence: str
    lines: list[str]
    """Lines that belong beside the verdict."""
    title: str
    """Both revisions."""
    changed: Table
    changed_rows: list[Row]
    """The rows of the table, in its order."""
    others: Table
    notes: list[Note]
    """The most telling first."""
    measured: bool
    """Whether anything was, or was to be."""

    @property
    def said(self) -> str:
        """The sentence with its subject."""
        return f"{self.subject} {self.sentence}".lstrip()


# The columns between are left out where no row has anything to show.
_COMMON = ("benchmark", "verdict", "base → head>", "change [99%]>", "waiting>")
_CHANGED = (*_COMMON, "instructions>", "why")
_OTHERS = (*_COMMON, "detectable>", "instructions>")
_NEEDED = 3
# Of the first line of an answer, and of a name that is never cut.
_LONGEST_LINE, _UNCUT = 100, 60
# A share of the time that threads waited: less is always there.
_LEAST_WAITED = 0.001
_ENDLESS = 10**12
# Of what is listed with all its names.
_MOST = 10
_COMMIT = 12
# Fewer may be the name of a branch.
_DIGITS = 7
# What reasons say of which a longer run may judge more.
_ASKS_FOR_TIME = ("--budget", "the time that was left")
_WAITED = "of its time for a core"
# As many names are written out, and of each so much; the others are counted.
_NAMED, _LONGEST_NAMED = 2, 120


def describe(comparison: Comparison) -> Described:
    """Return what there is to say, in the order of its weight."""
    rows = shown.in_order(comparison.rows)
    changed = [row for row in rows if _is_shown_first(row)]
    others = [row for row in rows if not _is_shown_first(row)]
    verdict, subject, (sentence, *lines) = _verdict(comparison, changed)
    if comparison.verdict == "inconclusive":
        lines.append(_what_would_help(comparison))
    elif comparison.verdict == "clean" and (undecided := _clock_undecided(comparison)):
        lines.append(_about_undecided(comparison, undecided))
    elif comparison.control.alarmed:
        lines.append("times decide nothing here: BASE differs from a second copy of itself")
    if comparison.removed:
        lines.insert(0, f"gone on HEAD: {_named(comparison.removed)}")
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
            [(*shown.cells(row), shown.work_change(row.work), shown.why(row)) for row in changed],
        ),
        changed_rows=changed,
        others=_table(
            "All others" if changed else "Every benchmark",
            _OTHERS,
            [
                (*shown.cells(row), shown.detectable(row), shown.work_change(row.work))
                for row in others
            ],
        ),
        notes=[*_about_rows(comparison, rows), *_about_the_run(comparison)],
        measured=_is_measured(comparison),
    )


# --- the verdict ----------------------------------------------------------------------------------


def _verdict(comparison: Comparison, changed: Sequence[Row]) -> tuple[str, str, list[str]]:
    """Return the verdict, its subject and its sentence; the subject is the worst benchmark.

    What has no room in the first line is a line of its own.
    """
    of = {word: [row for row in changed if shown.verdict(row) == word] for word in shown.CHANGES}
    total, judged = _total(comparison), _judged(comparison)
    worse = {"regression": ("broken", "slower"), "inconclusive": (shown.PROBABLY,)}
    for word in worse.get(comparison.verdict, ()):
        if of[word]:
            worst = of[word][0]
            many = _how_many({word: len(rows) for word, rows in of.items()}, judged, total)
            clock = None if comparison.control.alarmed else shown.by_clock(worst)
            return word, *_of_the_worst(word, worst, many, clock)
    if comparison.verdict == "clean" and judged:
        muted = sum(row.muted is not None for row in comparison.rows)
        faster = len(of["faster"])
        end = f", {faster:,} faster" if faster else ""
        end += f", {muted:,} muted" if muted else ""
        if undecided := _clock_undecided(comparison):
            end = f" by instructions{end}; {_unseen(undecided, judged)}"
        if judged < total:
            return "clean", "", [f"{judged:,} of {_many(total)} judged, none slower{end}"]
        became = "" if undecided else "became "
        return "clean", "", [f"none of {_many(total)} {became}slower{end}"]
    room = _LONGEST_LINE - len(comparison.verdict) - 2
    return comparison.verdict, "", _parts(comparison.reason, room)


def _clock_undecided(comparison: Comparison) -> list[Row]:
    """Return what instructions alone acquit, and the clock could not."""
    return [row for row in comparison.rows if row.clock_undecided and row.muted is None]


def _unseen(undecided: Sequence[Row], judged: int) -> str:
    """Return up to which slowdown the clock saw nothing, in how many benchmarks."""
    if all(row.change is None for row in undecided):
        none = len(undecided) == judged
        return "nothing was timed" if none else f"the clock did not time {len(undecided):,}"
    return f"the clock saw nothing{_below(undecided)} in {len(undecided):,}"


def _below(undecided: Sequence[Row]) -> str:
    """Return `` below 48%``, the largest that the clock would have confirmed, if all are known."""
    sizes = [shown.detectable_share(row) for row in undecided]
    return "" if inf in sizes else f" below {numbers.percent(max(sizes), 0)}"


def _about_undecided(comparison: Comparison, undecided: Sequence[Row]) -> str:
    """Return where the clock could not tell, and what would help."""
    ordered = sorted(undecided, key=shown.detectable_share, reverse=True)
    names = _named([f"{row.key}{_below([row])}" for row in ordered])
    # More blocks than these are not measured, however long the budget is.
    most = comparison.plan.rule.get("most_screen", inf)
    if all(row.screen_blocks >= most for row in undecided):
        return f"undecided by the clock: {names}; next: an idle machine"
    budget = f"--budget {2 * comparison.plan.budget_seconds / 60:g}"
    return f"undecided by the clock: {names}; next: {budget}, or an idle machine"


def _of_the_worst(word: str, row: Row, many: str, clock: str | None) -> tuple[str, list[str]]:
    """Return the name of the worst row, and what is said of it: how ``many`` are like it, and what
    the ``clock`` says beside instructions."""
    name = label(row.key)
    said = "fails on HEAD" if word == "broken" else shown.takes(row)
    room = _LONGEST_LINE - len(f"{word}:  {said}")
    beside = [clock or ""]
    if min(len(name), _UNCUT) <= room - len(many):
        room -= len(many)
        said += many
    else:
        beside.append(many.removeprefix("; "))
    return _in_the_middle(name, max(_UNCUT, room)), [said, *filter(None, beside)]


def _how_many(of: Mapping[str, int], judged: int, total: int) -> str:
    """Return ``; 1 of 4 benchmarks broken, 2 slower, 3 judged``, empty if there is only one."""
    if total < 2:
        return ""
    worse = [f"{of[word]:,} {word}" for word in shown.WORSE if of[word]]
    number, _, word = worse[0].partition(" ")
    some = [f"{judged:,} judged"] if judged < total - of[shown.PROBABLY] else []
    return "; " + ", ".join([f"{number} of {_many(total)} {word}", *worse[1:], *some])


def _parts(reason: str, room: int) -> list[str]:
    """Return a reason that is too long for a line as two, cut where a clause ends."""
    ends = [match.start() for match in re.finditer("[:;] ", reason[: room + 2])]
    if len(reason) <= room or not ends:
        return [reason]
    return [reason[: ends[-1]], reason[ends[-1] + 2 :]]


def _in_the_middle(name: str, room: int) -> str:
    """Return a name that is too long without its middle: names often differ at their ends."""
    return name if len(name) <= room else f"{name[: room // 2]}…{name[-((room - 1) // 2) :]}"


def _what_would_help(comparison: Comparison) -> str:
    """Return what was judged, what is undecided, and the one option that would change it."""
    total, judged = _total(comparison), _judged(comparison)
    unjudged = [row for row in comparison.rows if row.muted is None and _is_unjudged(row)]
    missing = _missing(comparison)
    parts = []
    if total:
        parts.append(f"judged: {judged:,} of {_many(total)}{', none slower' if judged else ''}")
    if undecided := [*(row.key for row in unjudged), *(own.benchmark for own in missing)]:
        parts.append(f"undecided: {_named(undecided)}")
    reasons = [
        comparison.reason,
        *(row.reason or "" for row in unjudged),
        *(own.reason for own in missing),
    ]
    return "; ".join([*parts, f"next: {_next(comparison, reasons)}"])


def _next(comparison: Comparison, reasons: Sequence[str]) -> str:
    """Return the one thing that would help; a larger budget only where a reason asks for time."""
    plan = comparison.plan
    for option in ("--build", "--allow-removed"):
        if any(option in reason for reason in reasons):
            return option
    if comparison.control.alarmed:
        return "an idle machine"
    if not any(ask in reason for reason in reasons for ask in _ASKS_FOR_TIME):
        return "see the reasons below"
    if comparison.environment.counter is None:
        if plan.count == "never":
            return "--count auto"
        if comparison.environment.machine.get("system") == "Linux":
            return "apt install valgrind, to count instructions"
    budget = f"--budget {2 * plan.budget_seconds / 60:g}"
    if any(_WAITED in reason for reason in reasons):
        return f"an idle machine, or {budget}"
    return budget


def _total(comparison: Comparison) -> int:
    """Return how many benchmarks ought to have been judged.

    Not those that are muted, nor those that skip themselves.
    """
    return sum(row.muted is None for row in comparison.rows) + len(_missing(comparison))


def _missing(comparison: Comparison) -> list[LeftOut]:
    """Return what has no row and ought to have one."""
    plan = comparison.plan
    return [
        own
        for own in plan.left_out
        if not _skips(own.reason) and rule_of(own.benchmark, plan.gate_rules).mute is None
    ]


def _judged(comparison: Comparison) -> int:
    return sum(row.muted is None and not _is_unjudged(row) for row in comparison.rows)


def _is_measured(comparison: Comparison) -> bool:
    return bool(comparison.rows or comparison.plan.left_out)


def _is_unjudged(row: Row) -> bool:
    return row.verdict in {"inconclusive", "invalid"}


def _skips(reason: str) -> bool:
    return reason.startswith("skipped: ") or "cannot be imported: Skipped: " in reason


def _many(number: int, what: str = "benchmark") -> str:
    return f"{_whole(number)} {what}{'' if number == 1 else 's'}"


def _is_shown_first(row: Row) -> bool:
    return shown.verdict(row) in shown.CHANGES and row.muted is None


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """Return the table without columns that are empty in every row."""
    kept = [
        index
        for index in range(len(columns))
        if index < _NEEDED or any(row[index] != NONE for row in rows)
    ]
    return Table(
        title=title,
        columns=tuple(columns[index] for index in kept),
        rows=tuple(tuple(row[index] for index in kept) for row in rows),
    )


# --- notes ----------------------------------------------------------------------------------------


def _about_rows(comparison: Comparison, rows: Sequence[Row]) -> Iterator[Note]:
    """Yield what tables do not say of benchmarks, each text once."""
    for word in shown.ORDER:
        own = [
            row
            for row in rows
            if shown.verdict(row) == word
            if not (_is_shown_first(row) and shown.tells_reason(row))
        ]
        yield from _grouped(word, ((row.key, row.reason) for row in own))
    yield from _functions(rows)
    yield from _grouped("why", ((row.key, row.why_not) for row in rows))
    yield from _grouped("muted", ((row.key, row.muted) for row in rows))
    left_out = comparison.plan.left_out
    yield from _grouped("left out", ((own.benchmark, own.reason) for own in left_out))
    # What broke says in its reason why it could not be counted, and so does what does not repeat.
    uncounted = [
        row
        for row in rows
        if shown.verdict(row) != "broken" and (row.not_counted or "") not in (row.reason or "")
    ]
    yield from _grouped("not counted", ((row.key, row.not_counted) for row in uncounted))


def _functions(rows: Sequence[Row]) -> Iterator[Note]:
    """Yield the functions that changed, with the numbers of the first benchmark that has them.

    One helper that became slower is in every benchmark that calls it.
    """
    alike: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        first = shown.first_function(row)
        if first is not None:
            alike.setdefault((shown.verdict(row), first.function, first.file or ""), []).append(row)
    for own in alike.values():
        more = f"; leads in {_many(len(own) - 1, 'more benchmark')}" if len(own) > 1 else ""
        name = _named([own[0].key])
        for growth in shown.most_telling(own[0].why):
            yield "why", f"{name}: {shown.function(growth)}{more}"
            more = ""


def _grouped(word: str, said: Iterable[tuple[str, str | None]]) -> Iterator[Note]:
    for names, text in grouped((name, text) for name, text in said if text):
        yield word, f"{_named(names)}: {text}"


def _named(names: Sequence[str], most: int = _NAMED) -> str:
    """Return ``a, b and 17 more``."""
    first = [shortened(name, _LONGEST_NAMED) for name in names[:most]]
    more = [f"{len(names) - most:,} more"] if len(names) > most else []
    return enumerated([*first, *more])


def _about_the_run(comparison: Comparison) -> Iterator[Note]:
    """Yield how sure the answer is, and how it was measured."""
    rows, here = comparison.rows, comparison.environment
    if rows:
        yield "smallest detectable slowdown", _detectable(rows)
    counted = _counted(rows)
    if here.counter is not None and counted:
        yield "instructions", f"{counted}; counted by {here.counter}"
    contention = _contention(rows)
    if contention:
        yield "contended", contention
    if comparison.control.rows:
        alarms = sum(row.alarm for row in comparison.control.rows)
        confirmed = _many(len(comparison.control.rows))
        yield "control", f"a second copy of BASE differs in {alarms:,} of {confirmed}"
    if here.base_code is not None and here.head_code is not None:
        yield "imported", f"{here.base_code} on BASE; {here.head_code} on HEAD"
    # One that imports nothing has no versions.
    both = {**here.base, **here.head} if here.base and here.head else {}
    versions = [
        f"{name} {here.base.get(name, 'none')} → {here.head.get(name, 'none')}"
        for name in both
        if here.base.get(name) != here.head.get(name)
    ]
    if versions:
        yield "versions", _named(versions, _MOST)
    if here.machine:
        facts = [
            f"{fact} cores" if name == "cores" else fact for name, fact in here.machine.items()
        ]
        yield "machine", ", ".join(facts)
    if python := _python(comparison):
        yield PYTHON, python
    if not _is_measured(comparison):
        return
    screened = max((row.screen_blocks for row in rows), default=0)
    confirming = max((row.confirmation_blocks for row in rows), default=0)
    seconds = (comparison.seconds, comparison.plan.budget_seconds)
    spent = " of ".join(shown.amount(each, "seconds") for each in seconds)
    blocks = f"at most {_whole(screened)} screening and {_whole(confirming)} confirmation blocks"
    yield "time", f"{spent}; {blocks} per benchmark"
    yield "seed", _whole(comparison.plan.seed).replace(",", "")


def _python(comparison: Comparison) -> str:
    """Return what the benchmarks ran in; nothing where none did.

    Where an environment that was built lies concerns nobody.
    """
    plan, here = comparison.plan, comparison.environment
    told = [
        versions["python"] + ("" if plan.build else f", {side.python}")
        for side, versions in ((plan.base, here.base), (plan.head, here.head))
        if "python" in versions
    ]
    return " on BASE; ".join(dict.fromkeys(told)) + " on HEAD" * (len({*told}) > 1)


def _detectable(rows: Sequence[Row]) -> str:
    """Return how small a slowdown the clock would have confirmed."""
    sizes = [shown.detectable_share(row) for row in rows if row.change is not None]
    if not sizes:
        return "nothing was timed"
    unknown = f"unknown for {sizes.count(inf):,} of {_many(len(sizes))}"
    if median(sizes) == inf:
        return unknown
    return f"median {numbers.percent(median(sizes))}, " + (
        unknown if inf in sizes else f"worst {numbers.percent(max(sizes))}"
    )


def _counted(rows: Sequence[Row]) -> str:
    """Return how many benchmarks execute the same, how surely, and how many cannot be counted.

    Nothing where none was tried.
    """
    works = [row.work for row in rows if row.work is not None]
    failed = sum(row.work is None and row.not_counted is not None for row in rows)
    tried = _many(len(works) + failed)
    if not works:
        return f"none of {tried}" if failed else ""
    noise = numbers.rough_percent(max(work.noise for work in works))
    line = f"the same in {sum(map(shown.is_same, works)):,} of {tried}; largest noise {noise}"
    return line + (f"; {_many(failed)} not counted" if failed else "")


def _contention(rows: Sequence[Row]) -> str:
    """Return how long threads waited for a core; nothing if they did not, or it is unknown."""
    waits = [row.waited for row in rows if row.waited is not None]
    samples = sum(row.contended or 0 for row in rows)
    blocks = sum(row.retaken for row in rows)
    if not waits or (max(waits) < _LEAST_WAITED and not samples and not blocks):
        return ""
    middle, worst = numbers.percent(median(waits)), numbers.percent(max(waits))
    said = f"threads waited for a core {middle} of the time, at worst {worst}"
    if not samples and not blocks:
        return said
    return f"{said}; {_many(samples, 'sample')} and {_many(blocks, 'block')} measured again"


def side_name(side: ComparedRevision) -> str:
    """Return the name of a revision with its commit: ``HEAD^1`` alone is another one each time."""
    commit = side_commit(side, _COMMIT)
    # A commit that was named by its own digits.
    if side.changes is None and side.commit.startswith(side.name) and len(side.name) >= _DIGITS:
        return commit
    return f"{shortened(side.name, _UNCUT)} ({commit})"


def side_commit(side: ComparedRevision, digits: int = 40) -> str:
    """Return the commit of a revision, and that there are changes beside it."""
    commit = side.commit[:digits]
    return commit if side.changes is None else f"{commit} with changes {side.changes[:digits]}"


def _whole(number: int) -> str:
    """Return a whole number; an absurd one must not fill the page."""
    return f"{number:,}" if abs(number) < _ENDLESS else "too many"


# --- what is said of many names, said once --------------------------------------------------------

# A number by itself, and not a digit of a name.
_NUMBER = re.compile(r"(?<![\w.])[-+]?[0-9]+(?:\.[0-9]+)?(?!\w)")


def grouped(said: Iterable[tuple[str, str]]) -> list[tuple[list[str], str]]:
    """Return each text once, with the names that it is said of.

    Texts that differ in one number alone become one, with its range: ``12 to 38%``.
    """
    said = list(said)
    alike: dict[tuple[str, ...], list[str]] = {}
    for _, text in said:
        alike.setdefault(tuple(_NUMBER.split(text)), []).append(text)
    ranges = {frame: _with_range(texts) for frame, texts in alike.items()}
    together: dict[str, list[str]] = {}
    for name, text in said:
        together.setdefault(ranges[tuple(_NUMBER.split(text))] or text, []).append(name)
    return [(names, text) for text, names in together.items()]


def _with_range(texts: Sequence[str]) -> str | None:
    """Return one text for texts that are alike; None if more than one of their numbers differs."""
    columns = list(zip(*(_NUMBER.findall(text) for text in texts), strict=True))
    if sum(len(set(column)) > 1 for column in columns) > 1:
        return None
    words = [
        column[0]
        if len(set(column)) == 1
        else f"{min(column, key=float)} to {max(column, key=float)}"
        for column in columns
    ]
    between = _NUMBER.split(texts[0])
    return "".join(part for pair in zip(between, [*words, ""], strict=True) for part in pair)
