"""Everything that a folder of results holds, judged: what the dashboard shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct

from perceptron.answer import Answered, Page, Setting, Shown, Table
from perceptron.errors import UserError, in_one_line
from perceptron.questions.crossover.page import PAGE, crossover_views, measured_on, of_run
from perceptron.questions.crossover.sweep import Sweep, sweeps
from perceptron.questions.crossover.verdict import verdicts
from perceptron.questions.other_sessions import is_race, rows_on_disk, starts, with_others
from perceptron.questions.overhead.device_share import kind_of_hardware
from perceptron.records.comparison_key import machine_label, state_label
from perceptron.records.conditions import Conditions
from perceptron.records.grouping import grouped
from perceptron.records.measurement import Measurement
from perceptron.records.readers.stored_runs import (
    LoadedRun,
    StoredResults,
    read_facts,
    read_run,
)
from perceptron.records.row import Row
from perceptron.records.store import StoredRun
from perceptron.statistics.select import Definitions
from perceptron.statistics.trust import Diagnosis, warnings_about
from perceptron.untrusted_text import label

CROSSOVER = "crossover"
"""The study whose page shows the sweeps of all others and of files too."""
_LONGEST = 400
# Runs without an answer that are judged before the newest of them is shown all the same.
_WITHOUT_ANSWER = 8


class Judge(NamedTuple):
    """The judge of the runs of a study, and the page that shows them."""

    judge: Callable[[LoadedRun], Answered]
    query_fields: tuple[str, ...]
    """Fields of its plans that tell two questions apart."""
    page: Page
    usual: Mapping[str, object] = {}
    """What these fields are in the question that its page opens on, those that have a default."""


class Machine(Struct, frozen=True, kw_only=True):
    """A machine and what it measured; ``diagnosis`` is that of its newest run of ours, if any."""

    name: str
    sources: list[str]
    runs: int
    rows: int
    commits: int
    newest: str
    diagnosis: Diagnosis | None


class Collection(Struct, frozen=True, kw_only=True):
    """Results, judged. Every list begins with the newest of this machine, then of any.

    This machine is the one with the host's name. Without results of that name, because it has
    changed or ``--machine`` gave another, it is the one that measured last.

    ``studies`` holds by name the newest answer to each question on each machine, the usual
    question first; of the study that the first page shows also of each kind of hardware. A run that
    measured too little to decide anything is ``undecided`` instead, if an older one has an answer.
    ``older`` says of how many finished runs of each study there is a newer one that is shown
    instead, and with which they do not answer. ``errors`` are about what could not be read, one
    line of at most 400 characters each; everything else was.
    """

    rows: list[Measurement]
    machines: list[Machine]
    studies: dict[str, list[Answered]] = {}
    pages: dict[str, Page] = {}
    """The page of each study in ``studies``."""
    undecided: dict[str, list[Answered]] = {}
    sweeps: list[Sweep]
    read: list[Sweep] = []
    """Sweeps of the files that a command has just read."""
    here: str = ""
    """The name of this machine."""
    older: dict[str, int] = {}
    errors: list[str]

    def views(self, study: str) -> Iterable[Shown]:
        """Return the views on the page of a study; it opens on the first."""
        if study != CROSSOVER:
            return map(_shown, self.studies.get(study, ()))
        every = (told for name in ("bench", CROSSOVER) for told in self.studies.get(name, ()))
        runs = sorted(every, key=lambda told: told.run.run.started, reverse=True)
        return crossover_views(runs, self.sweeps, self.read, self.here)

    def older_than_shown(self, study: str) -> int:
        """Return of how many results the page of a study shows a newer one instead."""
        if study != CROSSOVER:
            return self.older.get(study, 0)
        foreign = (one for one in self.sweeps if one.source != "perceptron" or not self.older)
        of_runs = sum(self.older.get(name, 0) for name in ("bench", CROSSOVER))
        return of_runs + sum(sweep.older for sweep in foreign)

    def scope(self, told: Answered) -> Setting:
        """Return how the switches of its page stand for the first view of an answer."""
        if told.study != CROSSOVER:
            return _place(told)
        return next((shown.scope for shown in of_run(told)), ())

    def answers_table(self) -> Table:
        """Return the answers of all machines."""
        return _answers_table(self.studies, self.sweeps)


def _shown(told: Answered) -> Shown:
    return Shown(told.answer, _place(told), measured_on(told))


def _place(told: Answered) -> Setting:
    """Return how the switches stand: what was asked, of which run, measured how."""
    first = told.run.rows[0]
    run = (
        ("Machine", machine_label(told.run.run.machine)),
        ("Run", state_label(first.commit, first.when)),
    )
    return (*told.answer.query, *run, *told.answer.conditions)


def judge_results(stored: StoredResults, here: str, judges: Mapping[str, Judge]) -> Collection:
    """Judge what was read of a results folder; whole runs are loaded as they are needed.

    ``here`` is the host's name, ``judges`` are those of studies, by name. A run that cannot be read
    or judged becomes a complaint.
    """
    rows, complaints = stored.rows, list(stored.errors)
    complaints += [warning.message for warning in Definitions(rows).warnings()]
    machines = _machines(rows, stored.runs, complaints)
    if machines and all(machine.name != here for machine in machines):
        here = machines[0].name
    finished = sorted(
        (run for run in stored.runs if run.run.finished is not None),
        key=lambda run: run.run.machine != here,
    )
    places = {run.folder: place for place, run in enumerate(finished)}

    groups: dict[str, list[list[StoredRun]]] = {}
    studies: dict[str, list[Answered]] = {}
    undecided: dict[str, list[Answered]] = {}
    older: dict[str, int] = {}
    for study, judge in judges.items():
        groups[study] = _groups(finished, study, judge.query_fields)
        if judge.page.is_overview:
            groups[study] = [
                alike for runs in groups[study] for alike in _by_hardware(runs, stored, complaints)
            ]
        answers = _Answers(judge, stored, complaints)
        found = [answers.first(_preferred(runs)) for runs in groups[study]]
        shown = (told for told, _ in found if told is not None)
        studies[study] = sorted(shown, key=partial(_order, judge, here, places))
        undecided[study] = [told for _, passed_over in found for told in passed_over]
        older[study] = sum(map(_left_out, groups[study], found))

    return Collection(
        rows=rows,
        machines=sorted(machines, key=lambda machine: machine.name != here),
        studies=studies,
        pages={study: judge.page for study, judge in judges.items()},
        undecided=undecided,
        sweeps=sorted(sweeps(rows), key=lambda sweep: sweep.comparison_key.machine != here),
        here=here,
        older=older,
        errors=sorted({_line(complaint) for complaint in complaints}),
    )


def collection_of(rows: Iterable[Measurement]) -> Collection:
    """Judge rows that lie in no folder of results: their sweeps, without runs."""
    kept = list(rows)
    complaints = [warning.message for warning in Definitions(kept).warnings()]
    return Collection(
        rows=kept,
        machines=_machines(kept, [], complaints),
        pages={CROSSOVER: PAGE},
        sweeps=sweeps(kept),
        errors=[_line(complaint) for complaint in complaints],
    )


def _order(
    judge: Judge, here: str, places: Mapping[Path, int], told: Answered
) -> tuple[bool, bool, int]:
    """Return where an answer stands: of this machine, to the usual question, the newest."""
    run = told.run.run
    is_usual = all(run.plan.get(name) == value for name, value in judge.usual.items())
    return run.machine != here, not is_usual, places[told.results]


def _line(complaint: str) -> str:
    """Return the complaint as one short line: paths are untrusted as well."""
    text = label(complaint)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _groups(runs: Iterable[StoredRun], study: str, asked: Iterable[str]) -> list[list[StoredRun]]:
    own = (stored for stored in runs if stored.run.plan.get("study") == study)
    # What an older plan lacks is what a newer one leaves empty.
    questions = grouped(
        own,
        lambda stored: repr(
            (stored.run.machine, [stored.run.plan.get(name) or None for name in asked])
        ),
    )
    return list(questions.values())


def _by_hardware(
    runs: list[StoredRun], stored: StoredResults, complaints: list[str]
) -> list[list[StoredRun]]:
    """Return the runs grouped by the kind of hardware that they tell about."""
    groups: dict[str, list[StoredRun]] = {}
    for run in runs:
        try:
            rows = stored.by_run.get(run.folder) or read_run(run.folder, False).times
            kind = kind_of_hardware(rows, read_facts(run.folder).environment)
        except UserError as error:
            complaints.append(str(error))
            continue
        groups.setdefault(kind, []).append(run)
    return list(groups.values())


class _Answers:
    """The answers of a study's runs, each judged once; one that cannot be is a complaint."""

    def __init__(self, judge: Judge, results: StoredResults, complaints: list[str]) -> None:
        self._judge, self._results, self._complaints = judge, results, complaints
        self._known: dict[Path, Answered | None] = {}

    def first(self, runs: Iterable[StoredRun]) -> tuple[Answered | None, list[Answered]]:
        """Return the first of these runs with an answer, and newer ones that have none.

        Where none of the first few has one, that is the first that can be judged.
        """
        without: list[Answered] = []
        for told in filter(None, map(self._of, runs)):
            if told.answer.has_answer:
                began = told.run.run.started
                return told, [one for one in without if one.run.run.started > began]
            without.append(told)
            if len(without) == _WITHOUT_ANSWER:
                break
        return (without[0] if without else None), []

    def _rows_of(self, stored: StoredRun, families: frozenset[str]) -> Sequence[Row]:
        if is_race(stored.run):  # of which results that were read have no rows
            return rows_on_disk(stored, families)
        return self._results.by_run.get(stored.folder, [])

    def _of(self, stored: StoredRun) -> Answered | None:
        if stored.folder not in self._known:
            self._known[stored.folder] = None
            try:
                loaded = self._results.load(stored, self._judge.page.shows_samples)
                loaded = with_others(loaded, self._results.runs, self._rows_of)
                self._known[stored.folder] = self._judge.judge(loaded)
            except UserError as error:
                self._complaints.append(str(error))
            except Exception as error:  # noqa: BLE001 whatever a file holds costs its own part
                reason = f"{stored.folder}: cannot be judged: {in_one_line(error)}"
                self._complaints.append(reason[:400])
        return self._known[stored.folder]


def _left_out(runs: list[StoredRun], found: tuple[Answered | None, list[Answered]]) -> int:
    """Return of how many runs a newer one is shown instead: those that answer with it are shown."""
    told, passed_over = found
    if told is None:
        return len(runs) - 1
    shown = {told.results, *(one.results for one in passed_over)}
    together = starts(told.run) - {told.run.run.started}
    return sum(run.folder not in shown and run.run.started not in together for run in runs)


def _preferred(runs: list[StoredRun]) -> list[StoredRun]:
    """Return the same runs in the order in which they are to be shown.

    A whole run of the same code on the same ground goes before a newer quick one.
    """

    def state(stored: StoredRun) -> tuple[object, ...]:
        return stored.run.environment, stored.run.commit, stored.run.code

    def is_quick(stored: StoredRun) -> bool:
        return state(stored) != state(runs[0]) or bool(stored.run.plan.get("quick"))

    return sorted(runs, key=is_quick) if runs[0].run.plan.get("quick") else runs


def _machines(
    rows: list[Measurement], runs: list[StoredRun], complaints: list[str]
) -> list[Machine]:
    by_name = grouped(rows, attrgetter("machine"))
    counts = Counter(stored.run.machine for stored in runs)
    newest = {stored.run.machine: stored for stored in reversed(runs)}
    machines = []
    for name in newest | by_name:
        own = by_name.get(name, [])
        machine = Machine(
            name=name,
            sources=sorted(set(map(attrgetter("source"), own))),
            runs=counts[name],
            rows=len(own),
            commits=len(set(filter(None, map(attrgetter("commit"), own)))),
            newest=max(map(attrgetter("when"), own), default=""),
            diagnosis=_diagnosis(newest.get(name), own, complaints),
        )
        machines.append(machine)
    return sorted(machines, key=lambda machine: (machine.newest, machine.name), reverse=True)


def _diagnosis(
    stored: StoredRun | None, rows: list[Measurement], complaints: list[str]
) -> Diagnosis | None:
    """Return the diagnosis of `perceptron doctor` as of the start of the machine's newest run."""
    if stored is None:
        return None
    try:
        facts = read_facts(stored.folder)
    except UserError as error:
        complaints.append(str(error))
        return None
    environment, identity = facts.environment, facts.environment.id
    threads = max(
        (
            threads * (processes or 1)
            for of, threads, processes in set(
                map(attrgetter("environment", "threads", "processes"), rows)
            )
            if of == identity and threads
        ),
        default=environment.cores,
    )
    return Diagnosis(
        environment=environment,
        threads=threads,
        conditions=facts.conditions or Conditions(),
        warnings=warnings_about(environment, threads, facts.conditions, facts.earlier),
    )


# --- the answers of all machines ------------------------------------------------------------------

_COLUMNS = ("machine", "answer", "decided", "doubts", "question", "conditions", "run")


def _answers_table(studies: Mapping[str, Sequence[Answered]], sweeps: Iterable[Sweep]) -> Table:
    """Return the newest answer to each question on each machine, a row for each verdict.

    A sweep that is another tool's has its crossovers here.
    """
    rows = [row for answers in studies.values() for told in answers for row in _of_answer(told)]
    foreign = (sweep for sweep in sweeps if sweep.source != "perceptron")
    rows += [row for sweep in foreign for row in _of_sweep(sweep)]
    return Table(
        title="The newest answer to each question, on each machine by itself",
        columns=_COLUMNS,
        rows=tuple(dict.fromkeys(rows)),
    )


def _of_answer(told: Answered) -> Iterator[tuple[str, ...]]:
    first, heading = told.run.rows[0], ""
    machine, state = machine_label(told.run.run.machine), state_label(first.commit, first.when)
    for one in told.answer.verdicts:
        heading = one.heading or heading
        answer, doubts = (str(one), one.decided), "; ".join(one.notes)
        yield (machine, *answer, doubts, told.answer.question, heading, state)


def _of_sweep(sweep: Sweep) -> Iterator[tuple[str, ...]]:
    machine = machine_label(sweep.comparison_key.machine, sweep.source)
    state = state_label(sweep.state.commit, sweep.when)
    for one in verdicts(sweep.crossovers):
        answer, doubts = (str(one), one.decided), "; ".join(one.notes)
        yield (machine, *answer, doubts, f"crossover of {sweep.family}", one.heading, state)
