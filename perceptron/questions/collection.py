"""Judge everything in a folder of results, for the dashboard."""

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
"""The study whose page also shows the sweeps of other studies and of files."""
_LONGEST = 400
# Newest runs without an answer that are passed over in the search for one with an answer.
_WITHOUT_ANSWER = 8


class Judge(NamedTuple):
    """The function that judges runs of a study, and the page that shows them."""

    judge: Callable[[LoadedRun], Answered]
    query_fields: tuple[str, ...]
    """Fields of a plan that distinguish questions."""
    page: Page
    usual: Mapping[str, object] = {}
    """The values of these fields, those with a default, in the question that its page opens on."""


class Machine(Struct, frozen=True, kw_only=True):
    """A machine and its measurements; ``diagnosis`` is of the newest run of ours, or None."""

    name: str
    sources: list[str]
    runs: int
    rows: int
    commits: int
    newest: str
    diagnosis: Diagnosis | None


class Collection(Struct, frozen=True, kw_only=True):
    """Judged results. Every list begins with this machine's, newest first.

    This machine is the one with the host's name; if there are no results of that name, the one that
    measured last.

    ``studies`` holds, by study, the newest answer to each question on each machine, the usual
    question first; for the study of the overview also for each kind of hardware. A run that decides
    nothing is in ``undecided`` instead, if an older one has an answer. ``older`` is the number of
    finished runs of each study that are not shown, as a newer one is and they are not joined with
    it. ``errors`` are the problems met in reading, one line of at most 400 characters each.
    """

    rows: list[Measurement]
    machines: list[Machine]
    studies: dict[str, list[Answered]] = {}
    pages: dict[str, Page] = {}
    """The page of each study in ``studies``."""
    undecided: dict[str, list[Answered]] = {}
    sweeps: list[Sweep]
    read: list[Sweep] = []
    """Sweeps of files that the command has read."""
    here: str = ""
    """The name of this machine."""
    older: dict[str, int] = {}
    errors: list[str]

    def views(self, study: str) -> Iterable[Shown]:
        """Return the views on the page of a study, which opens on the first."""
        if study != CROSSOVER:
            return map(_shown, self.studies.get(study, ()))
        every = (answer for name in ("bench", CROSSOVER) for answer in self.studies.get(name, ()))
        runs = sorted(every, key=lambda answer: answer.run.run.started, reverse=True)
        return crossover_views(runs, self.sweeps, self.read, self.here)

    def older_than_shown(self, study: str) -> int:
        """Return the number of results that a study's page leaves out for newer ones."""
        if study != CROSSOVER:
            return self.older.get(study, 0)
        foreign = (sweep for sweep in self.sweeps if sweep.source != "perceptron" or not self.older)
        of_runs = sum(self.older.get(name, 0) for name in ("bench", CROSSOVER))
        return of_runs + sum(sweep.older for sweep in foreign)

    def scope(self, answered: Answered) -> Setting:
        """Return the values of the page's switches for the first view of an answer."""
        if answered.study != CROSSOVER:
            return _place(answered)
        return next((shown.scope for shown in of_run(answered)), ())

    def answers_table(self) -> Table:
        """Return the table of the answers of all machines."""
        return _answers_table(self.studies, self.sweeps)


def _shown(answered: Answered) -> Shown:
    return Shown(answered.answer, _place(answered), measured_on(answered))


def _place(answered: Answered) -> Setting:
    """Return the values of the page's switches: query, machine, run and conditions."""
    first = answered.run.rows[0]
    run = (
        ("Machine", machine_label(answered.run.run.machine)),
        ("Run", state_label(first.commit, first.when)),
    )
    return (*answered.answer.query, *run, *answered.answer.conditions)


def judge_results(stored: StoredResults, here: str, judges: Mapping[str, Judge]) -> Collection:
    """Judge the contents of a results folder, loading whole runs as needed.

    ``here`` is the host's name, ``judges`` are by study. A run that cannot be read or judged adds a
    line to ``errors``.
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
    indices = {run.folder: index for index, run in enumerate(finished)}

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
        answers_of_groups = [answers.first(_preferred(runs)) for runs in groups[study]]
        shown = (answer for answer, _ in answers_of_groups if answer is not None)
        studies[study] = sorted(shown, key=partial(_order, judge, here, indices))
        undecided[study] = [
            answer for _, passed_over in answers_of_groups for answer in passed_over
        ]
        older[study] = sum(map(_left_out, groups[study], answers_of_groups))

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
    """Return a collection of the sweeps of rows that are in no folder of results."""
    all_rows = list(rows)
    complaints = [warning.message for warning in Definitions(all_rows).warnings()]
    return Collection(
        rows=all_rows,
        machines=_machines(all_rows, [], complaints),
        pages={CROSSOVER: PAGE},
        sweeps=sweeps(all_rows),
        errors=[_line(complaint) for complaint in complaints],
    )


def _order(
    judge: Judge, here: str, indices: Mapping[Path, int], answered: Answered
) -> tuple[bool, bool, int]:
    """Return a sort key: this machine first, then the usual question, then the newest."""
    run = answered.run.run
    is_usual = all(run.plan.get(name) == value for name, value in judge.usual.items())
    return run.machine != here, not is_usual, indices[answered.results]


def _line(complaint: str) -> str:
    """Return an error as one short line without control characters: paths are untrusted too."""
    text = label(complaint)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _groups(runs: Iterable[StoredRun], study: str, fields: Iterable[str]) -> list[list[StoredRun]]:
    of_study = (stored for stored in runs if stored.run.plan.get("study") == study)
    # A field that an older plan lacks equals one that a newer plan leaves empty.
    questions = grouped(
        of_study,
        lambda stored: repr(
            (stored.run.machine, [stored.run.plan.get(name) or None for name in fields])
        ),
    )
    return list(questions.values())


def _by_hardware(
    runs: list[StoredRun], stored: StoredResults, complaints: list[str]
) -> list[list[StoredRun]]:
    """Return the runs grouped by the kind of hardware that they measured."""
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
    """The answers of a study's runs, each judged once; failures are added to ``complaints``."""

    def __init__(self, judge: Judge, results: StoredResults, complaints: list[str]) -> None:
        self._judge, self._results, self._complaints = judge, results, complaints
        self._known: dict[Path, Answered | None] = {}

    def first(self, runs: Iterable[StoredRun]) -> tuple[Answered | None, list[Answered]]:
        """Return the answer of the first run that decides anything, and newer ones that do not.

        If none of the first few does, return the first that can be judged.
        """
        without: list[Answered] = []
        for answer in filter(None, map(self._of, runs)):
            if answer.answer.has_answer:
                began = answer.run.run.started
                return answer, [newer for newer in without if newer.run.run.started > began]
            without.append(answer)
            if len(without) == _WITHOUT_ANSWER:
                break
        return (without[0] if without else None), []

    def _rows_of(self, stored: StoredRun, families: frozenset[str]) -> Sequence[Row]:
        if is_race(stored.run):  # `StoredResults` has no rows of races
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
            except Exception as error:  # noqa: BLE001 untrusted rows must not hide other runs
                reason = f"{stored.folder}: cannot be judged: {in_one_line(error)}"
                self._complaints.append(reason[:400])
        return self._known[stored.folder]


def _left_out(runs: list[StoredRun], first: tuple[Answered | None, list[Answered]]) -> int:
    """Return the number of runs that are neither shown nor joined with the one shown."""
    answer, passed_over = first
    if answer is None:
        return len(runs) - 1
    shown = {answer.results, *(newer.results for newer in passed_over)}
    together = starts(answer.run) - {answer.run.run.started}
    return sum(run.folder not in shown and run.run.started not in together for run in runs)


def _preferred(runs: list[StoredRun]) -> list[StoredRun]:
    """Return the runs in the order of preference, given newest first.

    A whole run of the same code and environment comes before a newer quick one.
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
        members = by_name.get(name, [])
        machine = Machine(
            name=name,
            sources=sorted(set(map(attrgetter("source"), members))),
            runs=counts[name],
            rows=len(members),
            commits=len(set(filter(None, map(attrgetter("commit"), members)))),
            newest=max(map(attrgetter("when"), members), default=""),
            diagnosis=_diagnosis(newest.get(name), members, complaints),
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
            for identity_of_rows, threads, processes in set(
                map(attrgetter("environment", "threads", "processes"), rows)
            )
            if identity_of_rows == identity and threads
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
    """Return the table of the newest answers by question and machine, with a row for each verdict.

    Crossovers of other tools' sweeps are included.
    """
    rows = [
        row for answers in studies.values() for answered in answers for row in _of_answer(answered)
    ]
    foreign = (sweep for sweep in sweeps if sweep.source != "perceptron")
    rows += [row for sweep in foreign for row in _of_sweep(sweep)]
    return Table(
        title="The newest answer to each question, on each machine by itself",
        columns=_COLUMNS,
        rows=tuple(dict.fromkeys(rows)),
    )


def _of_answer(answered: Answered) -> Iterator[tuple[str, ...]]:
    first, heading = answered.run.rows[0], ""
    machine, state = machine_label(answered.run.run.machine), state_label(first.commit, first.when)
    for verdict in answered.answer.verdicts:
        heading = verdict.heading or heading
        answer, doubts = (str(verdict), verdict.decided), "; ".join(verdict.notes)
        yield (machine, *answer, doubts, answered.answer.question, heading, state)


def _of_sweep(sweep: Sweep) -> Iterator[tuple[str, ...]]:
    machine = machine_label(sweep.comparison_key.machine, sweep.source)
    state = state_label(sweep.state.commit, sweep.when)
    for verdict in verdicts(sweep.crossovers):
        answer, doubts = (str(verdict), verdict.decided), "; ".join(verdict.notes)
        yield (machine, *answer, doubts, f"crossover of {sweep.family}", verdict.heading, state)
