"""Notes beside a comparison's tables: on benchmarks, each text once, and on the run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from math import inf
from statistics import median

from perceptron.numbers import counted, duration, enumerated, percent, rough_percent
from perceptron.records.comparison import Comparison, Row
from perceptron.report import comparison_row as shown
from perceptron.untrusted_text import shortened

PYTHON = "python"
"""The subject of the note on the measuring Python."""
Note = tuple[str, str]
"""The subject of a note, and its text."""

# Number of names written out, and characters of each; the others are counted.
_NAMED, _LONGEST_NAMED = 2, 120
_VERSIONS = 10
# A share of the time that threads waited: less is always there.
_LEAST_WAITED = 0.001


def named(names: Sequence[str], most: int = _NAMED) -> str:
    """Return ``a, b and 17 more``."""
    first = [shortened(name, _LONGEST_NAMED) for name in names[:most]]
    more = [f"{len(names) - most:,} more"] if len(names) > most else []
    return enumerated([*first, *more])


def about_rows(comparison: Comparison, rows: Sequence[Row]) -> Iterator[Note]:
    """Yield notes on benchmarks beside the tables, each text once."""
    for word in shown.ORDER:
        reasons = [
            row
            for row in rows
            if shown.verdict(row) == word
            if not (shown.has_changed(row) and shown.tells_reason(row))
        ]
        yield from _grouped(word, ((row.key, row.reason) for row in reasons))
    yield from _functions(rows)
    yield from _grouped("why", ((row.key, row.why_not) for row in rows))
    yield from _grouped("muted", ((row.key, row.muted) for row in rows))
    left_out = comparison.plan.left_out
    yield from _grouped("left out", ((skipped.benchmark, skipped.reason) for skipped in left_out))
    # Reasons of broken or unrepeatable benchmarks already say why there is no count.
    uncounted = [
        row
        for row in rows
        if shown.verdict(row) != "broken" and (row.not_counted or "") not in (row.reason or "")
    ]
    yield from _grouped("not counted", ((row.key, row.not_counted) for row in uncounted))


def _functions(rows: Sequence[Row]) -> Iterator[Note]:
    """Yield the functions that changed, with the numbers of the first benchmark that has them.

    A slower helper function appears in every benchmark that calls it.
    """
    alike: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        first = shown.first_function(row)
        if first is not None:
            alike.setdefault((shown.verdict(row), first.function, first.file or ""), []).append(row)
    for alike_rows in alike.values():
        further = counted(len(alike_rows) - 1, "more benchmark")
        more = f"; leads in {further}" if len(alike_rows) > 1 else ""
        name = named([alike_rows[0].key])
        for growth in shown.most_telling(alike_rows[0].why):
            yield "why", f"{name}: {shown.function(growth)}{more}"
            more = ""


def about_the_run(comparison: Comparison) -> Iterator[Note]:
    """Yield the certainty of the answer, and how it was measured."""
    rows, environment, plan = comparison.rows, comparison.environment, comparison.plan
    if rows:
        yield "smallest detectable slowdown", _detectable(rows)
    instructions = _instructions(rows)
    if environment.counter is not None and instructions:
        yield "instructions", f"{instructions}; counted by {environment.counter}"
    contention = _contention(rows)
    if contention:
        yield "contended", contention
    control = comparison.control.rows
    if control:
        alarms = sum(row.alarm for row in control)
        confirmed = counted(len(control), "benchmark")
        yield "control", f"a second copy of BASE differs in {alarms:,} of {confirmed}"
    if environment.base_code is not None and environment.head_code is not None:
        yield "imported", f"{environment.base_code} on BASE; {environment.head_code} on HEAD"
    # A side that imports nothing has no versions.
    packages = (
        {**environment.base, **environment.head} if environment.base and environment.head else {}
    )
    versions = [
        f"{name} {environment.base.get(name, 'none')} → {environment.head.get(name, 'none')}"
        for name in packages
        if environment.base.get(name) != environment.head.get(name)
    ]
    if versions:
        yield "versions", named(versions, _VERSIONS)
    if environment.machine:
        facts = [
            f"{fact} cores" if name == "cores" else fact
            for name, fact in environment.machine.items()
        ]
        yield "machine", ", ".join(facts)
    if python := _python(comparison):
        yield PYTHON, python
    if not rows and not plan.left_out:
        return
    screened = max((row.screen_blocks for row in rows), default=0)
    confirming = max((row.confirmation_blocks for row in rows), default=0)
    spent = f"{duration(comparison.seconds)} of {duration(plan.budget_seconds)}"
    blocks = f"at most {screened:,} screening and {confirming:,} confirmation blocks"
    yield "time", f"{spent}; {blocks} per benchmark"
    yield "seed", f"{plan.seed}"


def _python(comparison: Comparison) -> str:
    """Return the Pythons of the benchmarks; empty where none ran.

    The folder of a built environment is not shown.
    """
    plan, environment = comparison.plan, comparison.environment
    pythons = [
        versions["python"] + ("" if plan.build else f", {side.python}")
        for side, versions in ((plan.base, environment.base), (plan.head, environment.head))
        if "python" in versions
    ]
    return " on BASE; ".join(dict.fromkeys(pythons)) + " on HEAD" * (len({*pythons}) > 1)


def _detectable(rows: Sequence[Row]) -> str:
    """Return the smallest slowdowns that times would have confirmed."""
    sizes = [shown.detectable_share(row) for row in rows if row.change is not None]
    if not sizes:
        return "nothing was timed"
    unknown = f"unknown for {sizes.count(inf):,} of {counted(len(sizes), 'benchmark')}"
    if median(sizes) == inf:
        return unknown
    worst = unknown if inf in sizes else f"worst {percent(max(sizes))}"
    return f"median {percent(median(sizes))}, {worst}"


def _instructions(rows: Sequence[Row]) -> str:
    """Return how many benchmarks have equal instructions, their noise, and how many have no count.

    Empty where counting was not tried.
    """
    counts = [row.instructions for row in rows if row.instructions is not None]
    failed = sum(row.instructions is None and row.not_counted is not None for row in rows)
    tried = counted(len(counts) + failed, "benchmark")
    if not counts:
        return f"none of {tried}" if failed else ""
    noise = rough_percent(max(count.noise for count in counts))
    line = f"the same in {sum(map(shown.is_same, counts)):,} of {tried}; largest noise {noise}"
    return line + (f"; {counted(failed, 'benchmark')} not counted" if failed else "")


def _contention(rows: Sequence[Row]) -> str:
    """Return how long threads waited for a core; empty if they did not, or it is unknown."""
    waits = [row.wait_share for row in rows if row.wait_share is not None]
    samples = sum(row.contended or 0 for row in rows)
    blocks = sum(row.retaken for row in rows)
    if not waits or (max(waits) < _LEAST_WAITED and not samples and not blocks):
        return ""
    middle, worst = percent(median(waits)), percent(max(waits))
    text = f"threads waited for a core {middle} of the time, at worst {worst}"
    if not samples and not blocks:
        return text
    return f"{text}; {counted(samples, 'sample')} and {counted(blocks, 'block')} measured again"


# --- one note for several benchmarks --------------------------------------------------------------

# A number by itself, not a digit in a name.
_NUMBER = re.compile(r"(?<![\w.])[-+]?[0-9]+(?:\.[0-9]+)?(?!\w)")


def _grouped(word: str, pairs: Iterable[tuple[str, str | None]]) -> Iterator[Note]:
    for names, text in grouped((name, text) for name, text in pairs if text):
        yield word, f"{named(names)}: {text}"


def grouped(notes: Iterable[tuple[str, str]]) -> list[tuple[list[str], str]]:
    """Return each text once, with its names.

    Texts that differ in one number alone become one, with its range: ``12 to 38%``.
    """
    notes = list(notes)
    alike: dict[tuple[str, ...], list[str]] = {}
    for _, text in notes:
        alike.setdefault(tuple(_NUMBER.split(text)), []).append(text)
    ranges = {frame: _with_range(texts) for frame, texts in alike.items()}
    subjects: dict[str, list[str]] = {}
    for name, text in notes:
        subjects.setdefault(ranges[tuple(_NUMBER.split(text))] or text, []).append(name)
    return [(names, text) for text, names in subjects.items()]


def _with_range(texts: Sequence[str]) -> str | None:
    """Return one text for similar texts; None if more than one of their numbers differs."""
    columns = list(zip(*(_NUMBER.findall(text) for text in texts), strict=True))
    if sum(len(set(column)) > 1 for column in columns) > 1:
        return None
    ranges = [
        column[0]
        if len(set(column)) == 1
        else f"{min(column, key=float)} to {max(column, key=float)}"
        for column in columns
    ]
    between = _NUMBER.split(texts[0])
    return "".join(part for pair in zip(between, [*ranges, ""], strict=True) for part in pair)
