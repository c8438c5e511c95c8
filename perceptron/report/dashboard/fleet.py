"""What machines answer, side by side: a table for each question, with a row for each machine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from perceptron.analysis.fleet.machine_answer import FamilyAnswer, MachineAnswer
from perceptron.analysis.interval import Interval
from perceptron.analysis.stored.finding import ITERATIONS
from perceptron.analysis.training import training_words
from perceptron.records.prices import Prices
from perceptron.report.crossover_words import answer, status
from perceptron.report.dashboard.long_table import (
    Heading,
    LongTable,
    Question,
    Value,
    heading,
    question_table,
)
from perceptron.report.dashboard.names import machine_name, state_name
from perceptron.report.numbers import NONE, ratio
from perceptron.report.size_axis import size_axis
from perceptron.report.tables.fleet import cost_words, fastest_words, names_words, seconds_words

# Families with a column in the table of all, and with a question of their own.
COLUMNS = 24
_MACHINE = heading("machine", "machine", is_number=False)
_THREADS = heading("threads", "threads", is_number=True)
_DTYPE = heading("dtype", "dtype", is_number=False)
_TRAINING = heading("training", "training", is_number=False)
_CROSSOVERS = (
    _MACHINE,
    heading("family", "family", is_number=False, choice=True),
    heading("pair", "incumbent → challenger", is_number=False),
    heading("status", "status", is_number=False),
    heading("size", "crossover at size", is_number=True),
    heading("answer", "answer [95 % interval]", is_number=False),
    _THREADS,
    _DTYPE,
    _TRAINING,
)
_WHOLE = f"whole training, {ITERATIONS:,} iterations"


def fleet_table(
    answers: Sequence[MachineAnswer], prices: Prices | None, more: Sequence[Question] = ()
) -> LongTable | None:
    """Return the tables of all questions that somebody measured; None where nobody did.

    ``more`` questions stand last.
    """
    currency = None if prices is None else prices.currency
    families = [(one, family) for one in answers for family in one.families]
    questions = [
        _matrix(answers, currency),
        _finding(answers, currency),
        *_sizes(families, currency),
        _crossovers(families),
    ]
    asked = [question for question in (*questions, *more) if question.rows]
    return question_table("machines", "question", asked) if asked else None


def _matrix(answers: Sequence[MachineAnswer], currency: str | None) -> Question:
    """Return the table of machine × question: who is the fastest, over which sizes."""
    counts = Counter(_family(family) for one in answers for family in one.families)
    names = sorted(sorted(counts), key=lambda name: -counts[name])[:COLUMNS]
    left_out = len(counts) - len(names)
    headings = [_MACHINE, _THREADS, _DTYPE]
    headings += [heading("per_hour", f"{currency} per hour", is_number=True)] if currency else []
    headings += [
        heading("finding", "the finding, OR gate", is_number=False),
        heading("finding_seconds", "the finding, s", is_number=True),
        *(heading(name, name, is_number=False) for name in sorted(names)),
    ]
    rows = [row for one in answers for row in _machine_rows(one, sorted(names), currency)]
    title = "The fastest backend at the sizes that each machine measured"
    if left_out:
        title += f"; {left_out:,} families on fewer machines have no column"
    return Question(label="the fastest backend", title=title, headings=tuple(headings), rows=rows)


def _machine_rows(
    one: MachineAnswer, names: Sequence[str], currency: str | None
) -> Iterable[list[Value]]:
    """Yield a row for each number of threads and dtype: they are different answers."""
    cells: dict[tuple[int | None, str | None], dict[str, list[str]]] = {}
    for family in one.families:
        words = fastest_words(family.fastest, size_axis(family.family, family.axis))
        own = cells.setdefault((family.ground.threads, family.ground.dtype), {})
        own.setdefault(_family(family), []).append(words)
    finding, best = one.finding, None if one.finding is None else one.finding.best
    at = None
    if finding is not None:
        alike = sorted(key for key in cells if key[0] == finding.threads)
        at = alike[0] if alike else (finding.threads, "as published")
        cells.setdefault(at, {})
    for ground in sorted(cells, key=lambda key: (key[0] or 0, key[1] or "")):
        threads, dtype = ground
        here = finding is not None and ground == at and best is not None
        found: list[Value] = [None, None]
        if here and finding is not None and best is not None:
            found = [names_words(best.backend, finding.unsure), _number(best.seconds)]
        yield [
            _name(one),
            threads,
            dtype or NONE,
            *([one.per_hour] if currency else []),
            *found,
            *(" · ".join(cells[ground].get(name, [])) or None for name in names),
        ]


def _finding(answers: Sequence[MachineAnswer], currency: str | None) -> Question:
    headings = (
        _MACHINE,
        heading("backend", "backend", is_number=False, choice=True),
        heading("time", _WHOLE, is_number=False),
        heading("place", "place", is_number=False),
        heading("ratio", "× numpy of the same machine", is_number=False),
        *((heading("cost", "cost", is_number=False),) if currency else ()),
        _THREADS,
        heading("seconds", "whole training, s", is_number=True),
        *((heading("cost_number", f"cost, {currency}", is_number=True),) if currency else ()),
        heading("reason", "reason", is_number=False),
    )
    rows: list[list[Value]] = []
    for one in answers:
        finding = one.finding
        for row, cost in zip(finding.rows, finding.costs, strict=True) if finding else ():
            seconds = None if row.seconds is None else Interval(row.seconds, row.low, row.high)
            place = None
            if finding is not None and row.backend == finding.fastest:
                place = "may be the fastest" if finding.unsure else "fastest"
            elif finding is not None and row.backend in finding.unsure:
                place = "may be the fastest"
            rows.append(
                [
                    _name(one),
                    row.backend,
                    seconds_words(seconds),
                    place,
                    ratio(row.ratio_to_numpy, row.ratio_low, row.ratio_high),
                    *([cost_words(cost, currency)] if currency else []),
                    finding.threads if finding else None,
                    _number(row.seconds),
                    *([_number(cost and cost.estimate)] if currency else []),
                    row.reason,
                ]
            )
    title = "The finding on each machine [95 % interval]"
    return Question(label="the finding, OR gate", title=title, headings=headings, rows=rows)


def _sizes(
    families: Sequence[tuple[MachineAnswer, FamilyAnswer]], currency: str | None
) -> list[Question]:
    """Return the fastest at each size: a question for each family, the rest of them in one."""
    groups: dict[str, list[tuple[MachineAnswer, FamilyAnswer]]] = {}
    for one, family in families:
        groups.setdefault(family.family, []).append((one, family))
    order = sorted(sorted(groups), key=lambda name: -len({one.machine for one, _ in groups[name]}))
    own, others = sorted(order[:COLUMNS]), order[COLUMNS:]
    questions = [(f"{name}, at each size", groups[name]) for name in own]
    if others:
        rest = [member for name in sorted(others) for member in groups[name]]
        questions.append((f"{len(others):,} families more, at each size", rest))
    headings = _size_headings(currency)
    title = "The fastest backend at each size [95 % interval]; of one size the fastest machine first"
    return [
        Question(label=label, title=title, headings=headings, rows=_size_rows(members, currency))
        for label, members in questions
    ]


def _size_headings(currency: str | None) -> tuple[Heading, ...]:
    return (
        _MACHINE,
        heading("family", "family", is_number=False),
        heading("size", "size", is_number=True, choice=True),
        heading("fastest", "fastest backend", is_number=False),
        heading("iteration", "per iteration", is_number=False),
        heading("training_time", _WHOLE, is_number=False),
        *((heading("cost", "cost of it", is_number=False),) if currency else ()),
        _THREADS,
        _DTYPE,
        _TRAINING,
        heading("commit", "commit", is_number=False),
        heading("seconds", "per iteration, s", is_number=True),
        *((heading("cost_number", f"cost, {currency}", is_number=True),) if currency else ()),
    )


def _size_rows(
    members: Iterable[tuple[MachineAnswer, FamilyAnswer]], currency: str | None
) -> list[list[Value]]:
    ordered = sorted(
        ((one, family, size) for one, family in members for size in family.sizes),
        key=lambda entry: (entry[1].family, entry[2].at.size, entry[2].at.seconds.estimate),
    )
    return [
        [
            _name(one),
            family.family,
            size.at.size,
            names_words(size.at.backend, size.at.unsure),
            seconds_words(size.at.seconds),
            seconds_words(size.training),
            *([cost_words(size.cost, currency)] if currency else []),
            family.ground.threads,
            family.ground.dtype,
            training_words(family.ground) or None,
            state_name(family.commit, family.when),
            _number(size.at.seconds.estimate),
            *([_number(size.cost and size.cost.estimate)] if currency else []),
        ]
        for one, family, size in ordered
    ]


def _crossovers(families: Iterable[tuple[MachineAnswer, FamilyAnswer]]) -> Question:
    rows: list[list[Value]] = [
        [
            _name(one),
            family.family,
            f"{crossover.incumbent} → {crossover.challenger}",
            status(crossover),
            _number(crossover.size),
            answer(crossover),
            family.ground.threads,
            family.ground.dtype,
            training_words(family.ground) or None,
        ]
        for one, family in families
        for crossover in family.crossovers
    ]
    title = "From which size up another backend is faster, on each machine by itself"
    return Question(label="crossovers", title=title, headings=_CROSSOVERS, rows=rows)


def _family(family: FamilyAnswer) -> str:
    """Return the family, with how it was trained where that is not plain."""
    words = training_words(family.ground)
    return f"{family.family} ({words})" if words else family.family


def _name(one: MachineAnswer) -> str:
    return machine_name(one.machine, one.source)


def _number(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.6g}")
