"""How good are the picks of `perceptron.fastest`? Its regret in random trainings.

Each training is measured on every backend, then `fastest` picks one without these results. Regret
is the time of the pick over that of the fastest. ``--report`` judges the rows and answers of the
newest run again.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from math import inf
from pathlib import Path
from statistics import median
from typing import Literal

import msgspec
import numpy as np
from msgspec import Struct

import perceptron
from benchmarks.validation import lines
from benchmarks.validation.grid import TextTable
from benchmarks.validation.share import share, share_cell
from docs.build.blocks import fill
from perceptron.backends import registry
from perceptron.errors import UserError
from perceptron.machine import usable_cores
from perceptron.measure import campaign
from perceptron.measure.budget import Budget, Progress
from perceptron.measure.job import Time
from perceptron.numbers import NONE, count, digits, percent
from perceptron.problems import shape
from perceptron.problems.problem import DType
from perceptron.processes.this_process import variables_set
from perceptron.questions.fastest import cache
from perceptron.questions.fastest.results import with_own_setups
from perceptron.questions.run_study import require_rows, start_run
from perceptron.questions.shared.missing import missing
from perceptron.records.measurement import Measurement
from perceptron.records.readers.stored_runs import LoadedRun, read_run
from perceptron.records.row import times as times_of
from perceptron.records.store import RunJournal, stored_runs
from perceptron.records.warning import MeasurementWarning
from perceptron.report import text_file
from perceptron.report.tables import markdown
from perceptron.statistics.contention import contention_warnings

STUDY = "fastest"
BUDGET_SECONDS = 1500.0
AMONG = ("numpy", "torch-cpu", "torch-cpu-manual", "numba", "jax-cpu")
# References and epochs. Sizes were drawn from their logarithms: 64 to 20,000 rows, 2 to 784
# features, up to 3 hidden layers of 2 to 1024; no iteration takes a second. A fifth has several
# models.
TRAININGS = """
mlp:15047x5x14x28x350:10c:9b 60, mlp:5932x12:21b:adam 158, mlp:1039x699x806:4c:adam 8707,
mlp:125x83x254x92:5c:74b:adam 96, mlp:1930x9:7c:309b:adam 218, mlp:5887x6x298x7:522b 44,
mlp:67x95x367 4075, mlp:152x36x531x28:10c:152b 295, mlp:262x197:11b 11, mlp:395x124x24x2:13b 29,
mlp:2738x26:4c:42b 12, mlp:259x9x3x10:3c:adam 695, mlp:878x66x377x186:4c:14b:adam 18,
mlp:387x63x858:3c:145b 120, mlp:100x37x8x5x47:10c:100b:adam 426, mlp:349x314x4:8c:25b 30,
mlp:2323x126:6c:769b:adam 474, mlp:506x92x22:8c:adam 8774, mlp:4708x28x7x566:1019b:adam 249,
mlp:6563x86x230:49b:adam 9, mlp:1616x20x279:4c:148b:adam 184, mlp:99x628x58x250x54:7c 1384,
mlp:1696x3:8c:31b:adam:9m 11, mlp:406x10:4c:208b:207m 6, mlp:221x3x16x5x5:76m 1633,
mlp:281x21:3c:adam:17m 675, mlp:10302x13x346x3:309b:adam 9, mlp:449x370:7c:164b:adam 8,
mlp:109x87:3c:109b 110, mlp:164x2:164b 25, mlp:93x5x62x65x45:4c:93b:adam 237,
mlp:241x14x5x8:7c:137b:adam:10m 13, mlp:1891x2x2:5c:adam:11m 350, mlp:6541x10:4c:15b 230,
mlp:554x4x11x12x11:4c:21m 6689, mlp:366x6x21:6c:10b 6, mlp:6821x498:67b 29,
mlp:206x16x59x29:206b 26, mlp:6809x694x39:3c:27b:adam 45, mlp:581x727x13x321x37 8384
"""
ANSWERS = "answers.jsonl"
"""The file of the answers of `perceptron.fastest`, beside the rows of a run."""
_SECONDS = 5.0
# The share of the time for the trainings; the rest is for the answers.
_TIMES_SHARE = 0.48
# Trainings for the ways with an empty cache: starting every backend for each takes all the time.
_MOST_COLD = 24


# --- measured, and asked about -------------------------------------------------------------------


class Training(Struct, frozen=True, array_like=True):
    """A problem's reference, and the number of epochs."""

    reference: str
    epochs: int


class FastestPlan(Struct, frozen=True, kw_only=True, tag=STUDY, tag_field="study"):
    """The trainings to measure, each in ``processes`` fresh processes; equal plans share a run."""

    trainings: list[Training]
    backends: list[str]
    dtype: DType = "float32"
    threads: int
    processes: int = 3


def plan() -> FastestPlan:
    """Return the plan for the backends that can run here; `UserError` for fewer than two."""
    able = [name for name in AMONG if registry.reason_unavailable(name) is None]
    if len(able) < 2:
        raise UserError(
            f"fewer than two of {', '.join(AMONG)} can run here: see `perceptron backends`"
        )
    drawn = (text.split() for text in TRAININGS.split(","))
    trainings = [Training(reference, int(epochs)) for reference, epochs in drawn]
    return FastestPlan(trainings=trainings, backends=able, threads=usable_cores())


class Way(Struct, frozen=True):
    """A way to ask `perceptron.fastest`."""

    measure: Literal["cached", "now"]
    knows_others: bool
    """Whether its cache has the usable backends and the times of other trainings, or nothing."""
    of_default: bool = False
    """Whether it picks among the default backends; else among all of the plan."""

    @property
    def label(self) -> str:
        """The argument ``measure``, and what else distinguishes this way."""
        nothing = "" if self.knows_others else ", knowing nothing"
        return f'measure="{self.measure}"{nothing}{", default backends" if self.of_default else ""}'


WAYS = (
    Way("cached", knows_others=True),
    Way("now", knows_others=True),
    Way("now", knows_others=False, of_default=True),
    Way("now", knows_others=False),
)


class Pick(Struct, frozen=True, kw_only=True):
    """The answer of `perceptron.fastest` for a training; without a way, a fixed backend."""

    reference: str
    way: Way | None = None
    backend: str
    sure: bool
    source: str = ""


def ask(plan: FastestPlan, folder: Path, training: Training, way: Way) -> Pick:
    """Return the answer of `perceptron.fastest`, without results of this training.

    If it knows other trainings, all trainings of a way share a cache in the folder.
    """
    arguments, memory = asdict(shape.parse(training.reference)), folder / str(WAYS.index(way))
    del arguments["feed"]
    if not way.knows_others:
        shutil.rmtree(memory, ignore_errors=True)
    with variables_set({cache.FOLDER: str(memory)}):
        advice = perceptron.fastest(
            **arguments,
            epochs=training.epochs,
            among=None if way.of_default else tuple(plan.backends),
            measure=way.measure,
            seconds=_SECONDS,
            dtype=plan.dtype,
            threads=plan.threads,
            results=folder / "results",
        )
    return Pick(
        reference=training.reference,
        way=way,
        backend=advice.backend,
        sure=advice.decided,
        source=advice.source,
    )


def measure(
    plan: FastestPlan,
    machine: str | None,
    results: Path,
    progress: Progress,
    budget_seconds: float = BUDGET_SECONDS,
) -> Path:
    """Measure the plan and collect answers, or resume; return the run's folder.

    All starts together take at most ``budget_seconds``. Raises `UserError` if the results folder
    cannot be written to, or if there was no time for anything.
    """
    budget = Budget.of_study(budget_seconds)
    jobs = [
        Time(
            problem=training.reference,
            backend=backend,
            dtype=plan.dtype,
            threads=plan.threads,
            repeat=repeat,
            samples=5,
            minimum_seconds=0.01,
            lasts=False,
        )
        for repeat in range(plan.processes)
        for training in plan.trainings
        for backend in plan.backends
    ]
    plan_fields = msgspec.to_builtins(plan)
    with (
        tempfile.TemporaryDirectory(prefix="perceptron-") as folder,
        start_run(plan_fields, plan.backends, plan.threads, machine, results, False, budget) as (
            journal,
            run,
            _,
        ),
    ):
        for_times = Budget(budget.spent + _TIMES_SHARE * budget.left, budget.spent)
        timed = campaign.run_campaign(
            lambda rows, left: missing(jobs, times_of(rows)), journal, run, for_times, progress
        )
        budget.abandoned = for_times.abandoned
        budget.cut_short = not (_ask_all(plan, Path(folder), journal, budget, progress) and timed)
        require_rows(journal, budget)
        return journal.folder


def _ask_all(
    plan: FastestPlan, folder: Path, journal: RunJournal, budget: Budget, progress: Progress
) -> bool:
    """Collect the missing answers of all ways; return whether there was time for all."""
    answers = journal.folder / ANSWERS
    answered = {(pick.way, pick.reference) for pick in lines.read(answers, Pick)}
    todo = [
        (way, training)
        for way in WAYS
        for training in plan.trainings[: None if way.knows_others else _MOST_COLD]
        if (way, training.reference) not in answered
    ]
    with lines.appending(answers) as write:
        for index, (way, training) in enumerate(todo):
            if budget.is_over:
                return False
            total = budget.spent + min(budget.left, (len(todo) - index) * _SECONDS)
            progress(budget.spent, total, f"asking: {training.reference}")
            write(ask(plan, folder, training, way))
            journal.note_spent(budget.spent)
    return True


# --- judged --------------------------------------------------------------------------------------

CLOSE = 1.10
"""Two backends are close, and a pick is not wrong, up to this ratio of their times."""

Times = dict[str, float]
"""Seconds of a whole training on each backend that can train it, the fastest first."""


@dataclass(frozen=True)
class FastestTruth:
    """How good `perceptron.fastest` is on a machine, by the run of a plan."""

    run: LoadedRun
    plan: FastestPlan
    trainings: dict[str, Times]
    """The trainings that have times on two backends, by reference."""
    picks: TextTable
    """A row for each way that has answers, and for always picking the same backend."""
    warnings: list[MeasurementWarning]


def newest(results: Path, machine: str | None) -> Path:
    """Return the folder of the newest run, of this machine or of any; finished ones first.

    Raises `UserError` if there is none.
    """
    runs = [
        stored
        for stored in stored_runs(results, lambda _: None)
        if stored.run.plan.get("study") == STUDY and machine in (None, stored.run.machine)
    ]
    if not runs:
        raise UserError(f"{results}: no run of `make fastest`: leave out --report")
    return max(runs, key=lambda stored: stored.run.finished is not None).folder


def result_of(folder: Path) -> FastestTruth:
    """Judge a run; raises `UserError` naming what cannot be read or judged."""
    run = read_run(folder)
    try:
        plan = msgspec.convert(run.run.plan, FastestPlan)
    except msgspec.ValidationError as error:
        raise UserError(f"{run.folder / 'run.json'}: plan: {error}") from None
    rows = with_own_setups(run.times)
    all_times = {training.reference: _times(training, rows) for training in plan.trainings}
    times = _choices(all_times, plan.backends)
    if not times:
        raise UserError(f"{folder}: no training was measured on two backends")
    judged: dict[str, Judged] = {way.label: [] for way in WAYS}
    of_default = _choices(all_times, registry.DEFAULT)
    for pick in lines.read(folder / ANSWERS, Pick):
        among = of_default if pick.way and pick.way.of_default else times
        if pick.way in WAYS and pick.reference in among:
            judged[pick.way.label].append((pick, among[pick.reference]))
    for name in plan.backends:
        judged[f"always {name}"] = [
            (Pick(reference=reference, backend=name, sure=True), training_times)
            for reference, training_times in times.items()
        ]
    return FastestTruth(run, plan, times, picks_table(judged), contention_warnings(run.times))


def _times(training: Training, rows: Iterable[Measurement]) -> Times:
    """Return the seconds of a training: the median over processes of setup and all iterations.

    A backend without a time in any process has none.
    """
    problem = shape.find(training.reference)
    iterations = training.epochs * problem.iterations_per_epoch
    totals: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        if row.problem == problem.name and row.phase is None:
            seconds = inf if row.seconds is None else row.seconds
            totals[row.backend].append((row.prepare_seconds or 0.0) + iterations * seconds)
    medians = {name: median(times) for name, times in totals.items() if inf not in times}
    return dict(sorted(medians.items(), key=lambda item: item[1]))


def _choices(times: Mapping[str, Times], backends: Collection[str]) -> dict[str, Times]:
    """Return the times of these backends, for trainings that have two or more of them."""
    among = {
        reference: {name: seconds for name, seconds in choices.items() if name in backends}
        for reference, choices in times.items()
    }
    return {reference: choices for reference, choices in among.items() if len(choices) > 1}


Judged = list[tuple[Pick, Times]]
"""Picks, each with the times of the backends to pick from."""


# --- shown ---------------------------------------------------------------------------------------

BLOCK = "regret"
"""The name of the page's section, between ``<!-- begin: regret -->`` and its end."""
COLUMNS = (
    *("answers", "trainings>", "measured>", "right [95% interval]>"),
    *("regret: median>", "95% point>", "worst>"),
    *("undecided, where two are close>", "decided, and wrong>"),
)
_NOTES = (
    "The aim is a median of 1.00, 1.15 at 95% and 1.50 at worst.",
    "Regret is the time of the pick over that of the fastest, for the whole training, setup and "
    "compilation included: what a process compiles for all its trainings, as Numba does in "
    "seconds, counts in each. Imports are left out. Times are medians over the processes. Of the "
    "training itself nothing is known: it is measured within 5 s. *Knowing nothing* is an empty "
    "cache, as before the first question on a machine: 5 s must start and compile all backends, or "
    "the two default ones. Measurements for an answer are no part of the times that judge it.",
    f"Close: the two fastest are within {percent(CLOSE - 1, 0)}. Wrong: the pick takes over "
    f"{percent(CLOSE - 1, 0)} longer than the fastest.",
)


def picks_table(judged: Mapping[str, Judged]) -> TextTable:
    """Return a table with a row for each way to pick; one without picks has none."""
    untrainable = {
        label: sum(pick.backend not in times for pick, times in picks)
        for label, picks in judged.items()
    }
    listed = ", ".join(f"{label} {number}" for label, number in untrainable.items() if number)
    more = [f"Picks that cannot train it, which have no regret: {listed}."] if listed else []
    rows = [_cells(label, picks) for label, picks in judged.items() if picks]
    return TextTable("Picks", COLUMNS, rows, (*_NOTES, *more))


def _cells(label: str, judged: Judged) -> tuple[str, ...]:
    regrets, close, decided = [], [], []
    for pick, times in judged:
        best, second, *_ = times.values()
        regret = times.get(pick.backend, inf) / best
        regrets.append(regret)
        if second / best <= CLOSE:
            close.append(not pick.sure)
        if pick.sure:
            decided.append(regret > CLOSE)
    trained = [regret for regret in regrets if regret < inf] or [inf]
    # A quantile that is one of the regrets, not interpolated.
    high = float(np.quantile(trained, 0.95, method="inverted_cdf"))
    cells = (
        count(sum(pick.source == "measured" for pick, _ in judged)),
        f"{sum(close)} of {len(close)}",
        f"{sum(decided)} of {len(decided)}",
    )
    measured, undecided, wrong = cells if judged[0][0].way is not None else (NONE,) * 3
    return (
        label,
        count(len(judged)),
        measured,
        share_cell(share(regrets.count(1.0), len(judged))),
        *map(_regret, (median(trained), high, max(trained))),
        undecided,
        wrong,
    )


def _regret(regret: float) -> str:
    return NONE if regret == inf else f"{regret:.2f}" if regret < 100 else digits(regret)


def grids(truth: FastestTruth) -> list[TextTable]:
    """Return the table of the answers."""
    return [truth.picks]


def save(file: Path, truth: FastestTruth) -> Path:
    """Write the section into the page, between its marks; create the page if it does not exist.

    Raises `UserError` if it has no place for the section, or cannot be written.
    """
    run, plan, facts = truth.run, truth.plan, truth.run.facts.environment
    section = [
        f"Measured on {run.run.started[:10]} on {facts.cpu}, {facts.cores} cores, {plan.threads} "
        f"{'thread' if plan.threads == 1 else 'threads'}, {plan.dtype}: "
        f"{count(len(truth.trainings))} random trainings in {plan.processes} fresh processes each "
        f"on {', '.join(plan.backends)}. Rows in `{run.folder}`.\n",
        *markdown.table(truth.picks.columns, truth.picks.rows),
        *(f"\n{note}" for note in truth.picks.notes),
        *(f"\n{warning.message}" for warning in truth.warnings),
    ]
    begun = f"<!-- begin: {BLOCK} -->\n<!-- end: {BLOCK} -->\n"
    page = file.read_text(encoding="utf-8") if file.exists() else begun
    return text_file.write(file, fill(page, {BLOCK: "\n".join(section)}, str(file)))
