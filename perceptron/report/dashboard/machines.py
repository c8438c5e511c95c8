"""The page of machines: what each answers, and side by side what `perceptron doctor` says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from perceptron.numbers import NONE, duration_interval, memory, ratio
from perceptron.questions.collection import Collection, Machine
from perceptron.questions.crossover.sweep import Sweep, fastest_words
from perceptron.questions.crossover.verdict import sentence
from perceptron.questions.fleet.machines import MachineAnswer, machine_answers
from perceptron.questions.shared.published import ITERATIONS
from perceptron.questions.shared.training import training_words
from perceptron.records.environment import Environment, Gpu
from perceptron.report.dashboard.large_table import Column, LargeTable, Value
from perceptron.report.dashboard.page import machine_name, state_name
from perceptron.report.tables.doctor import cells
from perceptron.statistics.interval import Interval, scaled
from perceptron.untrusted_text import shortened

SIDE_BY_SIDE = 12
"""Machines with a column of their own: the newest. Of more, a table has a row for each."""
_NOTHING = "not recorded"


def machines_page(collection: Collection) -> tuple[dict[str, Any], list[LargeTable]]:
    """Return what the template shows, and the tables that its script shows, one a question."""
    tables = fleet_tables(machine_answers(collection.sweeps, collection.studies.get("bench", [])))
    shown, rest = collection.machines[:SIDE_BY_SIDE], collection.machines[SIDE_BY_SIDE:]
    if rest:
        tables.append(_facts_table(collection.machines))
    checked = [_checks(machine) for machine in shown]
    facts = {
        "names": [_name(machine) for machine in shown],
        "facts": [
            (what, [shortened(text_of(machine), 600) for machine in shown])
            for what, text_of in _FACTS
        ],
        "checks": [
            (what, [one.get(what, (_NOTHING, "unknown")) for one in checked])
            for what in dict.fromkeys(what for one in checked for what in one)
        ],
        "warnings": [
            (_name(machine), machine.diagnosis.warnings)
            for machine in shown
            if machine.diagnosis is not None and machine.diagnosis.warnings
        ],
        "complaints": [shortened(complaint, 400) for complaint in collection.complaints],
        "left_out": len(rest),
    }
    return facts, tables


def _facts_table(members: Sequence[Machine]) -> LargeTable:
    return LargeTable(
        label="what each machine is",
        title="What each machine is, as its newest run began",
        columns=(
            Column("machine", "machine"),
            *(Column(name.replace(" ", "_"), name) for name, _ in _FACTS),
            Column("warnings", "warnings", is_number=True),
        ),
        rows=[
            [
                _name(machine),
                *(text_of(machine) for _, text_of in _FACTS),
                None if machine.diagnosis is None else len(machine.diagnosis.warnings),
            ]
            for machine in members
        ],
    )


def _name(machine: Machine) -> str:
    return shortened(machine_name(machine.name))


def _checks(machine: Machine) -> dict[str, tuple[str, str]]:
    """Return what the doctor looked at, with its value and verdict."""
    if machine.diagnosis is None:
        return {}
    return {
        what: (shortened(value, 300), verdict) for what, value, verdict in cells(machine.diagnosis)
    }


def _recorded(text_of: Callable[[Environment], str]) -> Callable[[Machine], str]:
    """Return what says a fact of the environment of a machine's newest run of ours."""

    def text(machine: Machine) -> str:
        diagnosis = machine.diagnosis
        return _NOTHING if diagnosis is None else text_of(diagnosis.environment) or "none"

    return text


def _processor(facts: Environment) -> str:
    return (
        f"{facts.cpu}, {facts.architecture}, {facts.cores} usable cores, "
        f"{memory(facts.memory_bytes)} memory"
    )


def _gpu(gpu: Gpu) -> str:
    size = "" if gpu.memory_bytes is None else f", {memory(gpu.memory_bytes)} memory"
    return f"{gpu.name}, driver {gpu.driver or 'unknown'}{size}"


def _pools(facts: Environment) -> str:
    return "; ".join(
        " ".join(filter(None, (pool.library, pool.version)))
        + (f", kernel {pool.kernel}" if pool.kernel else "")
        + (f", {pool.threads} threads" if pool.threads else "")
        for pool in facts.pools
    )


_FACTS: tuple[tuple[str, Callable[[Machine], str]], ...] = (
    ("processor", _recorded(_processor)),
    ("GPU", _recorded(lambda facts: "; ".join(map(_gpu, facts.gpus)))),
    ("system", _recorded(lambda facts: f"{facts.system}, {facts.python}")),
    ("libraries", _recorded(lambda facts: ", ".join(map(" ".join, facts.libraries.items())))),
    ("thread pools", _recorded(_pools)),
    ("settings", _recorded(lambda facts: ", ".join(map("=".join, facts.variables.items())))),
    ("measured by", lambda machine: ", ".join(machine.sources) or _NOTHING),
    ("newest result", lambda machine: machine.newest[:10] or _NOTHING),
    ("runs of ours", lambda machine: f"{machine.runs:,}"),
    ("rows", lambda machine: f"{machine.rows:,}"),
    ("commits", lambda machine: f"{machine.commits:,}"),
)


# --- what they answer ----------------------------------------------------------------------------

_Member = tuple[MachineAnswer, Sweep]

_MACHINE = Column("machine", "machine")
_GROUND = (
    Column("threads", "threads", is_number=True),
    Column("dtype", "dtype"),
    Column("training", "training"),
)
_WHOLE = f"whole training, {ITERATIONS:,} iterations"
_FINDING = (
    _MACHINE,
    Column("backend", "backend"),
    Column("time", _WHOLE, by="seconds"),
    Column("place", "place"),
    Column("ratio", "× numpy of the same machine"),
    _GROUND[0],
    Column("seconds", "whole training, s", is_number=True),
    Column("reason", "reason"),
)
_SIZES = (
    _MACHINE,
    Column("family", "family"),
    Column("size", "size", is_number=True),
    Column("fastest", "fastest backend"),
    Column("iteration", "per iteration", by="seconds"),
    Column("training_time", _WHOLE, by="seconds"),
    *_GROUND,
    Column("commit", "commit"),
    Column("seconds", "per iteration, s", is_number=True),
)
_CROSSOVERS = (
    _MACHINE,
    Column("family", "family"),
    Column("pair", "incumbent → challenger"),
    Column("status", "status"),
    Column("decided", "decided"),
    Column("size", "crossover at size", is_number=True),
    Column("answer", "answer [95% interval]"),
    *_GROUND,
)


def fleet_tables(answers: Sequence[MachineAnswer]) -> list[LargeTable]:
    """Return the tables of all questions that have an answer."""
    families = [(one, family) for one in answers for family in one.sweeps]
    tables = [_finding(answers), _by_size(families), _crossovers(families)]
    return [table for table in tables if table.rows]


def _finding(answers: Sequence[MachineAnswer]) -> LargeTable:
    rows: list[list[Value]] = []
    for one in answers:
        finding = one.finding
        if finding is None:
            continue
        for row in finding.rows:
            place, ranking = None, finding.ranking
            if row.backend in ranking.open or (row.backend == ranking.fastest and ranking.open):
                place = "may be the fastest"
            elif row.backend == ranking.fastest:
                place = "fastest"
            elif row.backend in ranking.ties:
                place = "ties with the fastest"
            rows.append(
                [
                    _name_of(one),
                    row.backend,
                    _seconds_words(row.time),
                    place,
                    ratio(row.ratio_to_numpy, row.ratio_low, row.ratio_high),
                    finding.threads,
                    _number(row.seconds),
                    row.reason,
                ]
            )
    title = "The finding on each machine [95% interval]"
    return LargeTable(label="the finding, OR gate", title=title, columns=_FINDING, rows=rows)


def _by_size(families: Iterable[_Member]) -> LargeTable:
    ordered = sorted(
        ((one, family, at) for one, family in families for at in family.fastest),
        key=lambda entry: (entry[1].family, entry[2].size, entry[2].seconds.estimate),
    )
    rows: list[list[Value]] = [
        [
            _name_of(one),
            family.family,
            at.size,
            fastest_words(at.ranking),
            _seconds_words(at.seconds),
            # Of a source that does not say what was timed, no training is known.
            _seconds_words(scaled(at.seconds, ITERATIONS) if family.per_iteration else None),
            *_ground_cells(family),
            state_name(family.state.commit, family.when),
            _number(at.seconds.estimate),
        ]
        for one, family, at in ordered
    ]
    title = "The fastest backend at each size [95% interval]; of one size the fastest machine first"
    return LargeTable(label="the fastest at each size", title=title, columns=_SIZES, rows=rows)


def _crossovers(families: Iterable[_Member]) -> LargeTable:
    rows: list[list[Value]] = [
        [
            _name_of(one),
            family.family,
            f"{crossover.incumbent} → {crossover.challenger}",
            crossover.status,
            crossover.decided,
            _number(crossover.size),
            sentence(crossover),
            *_ground_cells(family),
        ]
        for one, family in families
        for crossover in family.crossovers
    ]
    title = "From which size up another backend is faster, on each machine by itself"
    return LargeTable(label="crossovers", title=title, columns=_CROSSOVERS, rows=rows)


def _ground_cells(family: Sweep) -> tuple[Value, ...]:
    return family.ground.threads, family.ground.dtype, training_words(family.ground) or None


def _name_of(one: MachineAnswer) -> str:
    return shortened(machine_name(one.machine, one.source))


def _number(value: float | None) -> float | None:
    """Return a number to the digits that a table has room for."""
    return None if value is None else float(f"{value:.6g}")


def _seconds_words(seconds: Interval | None) -> str:
    if seconds is None:
        return NONE
    return duration_interval(seconds.estimate, seconds.low, seconds.high)
