"""The table of machine × question: the fastest backend of each family, over which sizes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from perceptron.analysis.fleet.machine_answer import MachineAnswer
from perceptron.report.dashboard.fleet.cells import (
    DTYPE,
    MACHINE,
    MOST,
    THREADS,
    family_name,
    name_of,
    number,
    seconds_of,
)
from perceptron.report.dashboard.long_table import (
    Heading,
    Question,
    Value,
    heading,
    interval_heading,
)
from perceptron.report.numbers import NONE
from perceptron.report.size_axis import size_axis
from perceptron.report.tables.fleet_words import fastest_words, names_words, seconds_words
from perceptron.untrusted_text import shortened


def matrix_question(answers: Sequence[MachineAnswer]) -> Question:
    """Return the table of machine × question: who is the fastest, over which sizes."""
    counts = Counter(family_name(family) for one in answers for family in one.families)
    names = sorted(sorted(counts), key=lambda name: -counts[name])[:MOST]
    left_out = len(counts) - len(names)
    headings = [
        *(MACHINE, THREADS, DTYPE),
        heading("finding", "the finding, OR gate", is_number=False),
        interval_heading("finding_time", "the finding takes", by="finding_seconds"),
        *_family_headings(sorted(names)),
        heading("finding_seconds", "the finding, s", is_number=True),
    ]
    rows = [row for one in answers for row in _machine_rows(one, sorted(names))]
    title = "The fastest backend at the sizes that each machine measured"
    if left_out:
        title += f"; {left_out:,} families on fewer machines have no column"
    return Question(label="the fastest backend", title=title, headings=tuple(headings), rows=rows)


def _family_headings(names: Iterable[str]) -> Iterable[Heading]:
    """Yield a heading for each family; two whose names look alike are numbered in what is saved."""
    seen: Counter[str] = Counter()
    for name in map(shortened, names):
        seen[name] += 1
        number = f" {seen[name]}" if seen[name] > 1 else ""
        yield heading(f"family{number}: {name}", name or "(no name)", is_number=False)


def _machine_rows(one: MachineAnswer, names: Sequence[str]) -> Iterable[list[Value]]:
    """Yield a row for each number of threads and dtype: they are different answers."""
    cells: dict[tuple[int | None, str | None], dict[str, list[str]]] = {}
    for family in one.families:
        words = fastest_words(family.fastest, size_axis(family.family, family.axis))
        own = cells.setdefault((family.ground.threads, family.ground.dtype), {})
        own.setdefault(family_name(family), []).append(words)
    finding, best = one.finding, None if one.finding is None else one.finding.best
    at = None
    if finding is not None:
        alike = sorted((key for key in cells if key[0] == finding.threads), key=str)
        at = alike[0] if alike else (finding.threads, "as published")
        cells.setdefault(at, {})
    for ground in sorted(cells, key=lambda key: (key[0] or 0, key[1] or "")):
        threads, dtype = ground
        found: tuple[Value, Value, Value] = (None, None, None)
        if finding is not None and ground == at and best is not None:
            who = names_words(best.backend, finding.unsure)
            found = (who, seconds_words(seconds_of(best)), number(best.seconds))
        yield [
            name_of(one),
            threads,
            dtype or NONE,
            *found[:2],
            *(" · ".join(cells[ground].get(name, [])) or None for name in names),
            found[2],
        ]
