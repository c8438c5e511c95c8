"""Which backend reaches a target first, from a cold start and warm?"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, product
from math import ceil, floor, log
from typing import Annotated, ClassVar

from msgspec.structs import replace

from perceptron.analysis.over_processes import threads_in_all
from perceptron.analysis.race import (
    NOTHING,
    STARTS,
    RacePoint,
    RaceRun,
    RaceStart,
    has_raced,
    is_tie,
    leaders_of,
    of_start,
    race_curve,
    race_runs,
    race_warnings,
)
from perceptron.answer import Answer, Decided, Figure, Note, Page, Table, Verdict
from perceptron.backends.shared.evaluation import score
from perceptron.errors import UserError
from perceptron.figure import Axis, Line, LineFigure, Stretch, log_axis
from perceptron.machine import usable_cores
from perceptron.measure.job import Race as RaceJob
from perceptron.numbers import NONE, count, digits, duration, duration_interval, percent, tick
from perceptron.problems import catalogue
from perceptron.problems.problem import Problem
from perceptron.records.race import MOST_CHECKS, RaceDType, RaceRow, Target, target_of
from perceptron.records.readers.stored_runs import LoadedRun
from perceptron.records.row import Row, races
from perceptron.studies.shared.over_processes import backends_over, require_backends
from perceptron.studies.study import Option, Over, Plan, Threads
from perceptron.untrusted_text import label

_MOST_SEEDS = 1000
_MOST_EPOCHS = 10**9
# Evaluations of the test set in a training whose epochs are single iterations: more of them would
# take longer than the training.
_EVALUATIONS = 200


class RacePlan(Plan, frozen=True, kw_only=True):
    """The backends that race, and their target."""

    problem: Annotated[
        str, Option("Train a problem with a test set, or FILE.toml. Default: digits.", metavar="P")
    ] = "digits"
    target: Annotated[
        str,
        Option(
            "Stop at this on the test set. Default: accuracy=0.95.", metavar="accuracy=A|loss=L"
        ),
    ] = "accuracy=0.95"
    backends: Annotated[
        tuple[str, ...],
        Option(
            "Choose backends; see `perceptron backends`.", ("--backends", "--backend"), "NAME …"
        ),
    ] = ()
    dtypes: Annotated[
        tuple[RaceDType, ...],
        Option(
            "Compute in float32, float64 or bfloat16. Default: float32.", ("--dtype",), "NAME …"
        ),
    ] = ("float32",)
    seeds: Annotated[int, Option("Train each backend from N seeds. Default: 7.", metavar="N")] = 7
    """Number of seeds, from 0 up: the same for all backends."""
    epochs: Annotated[
        int | None, Option("Stop after N epochs. Default: the problem's.", metavar="N")
    ] = None
    threads: Threads = None
    over: Over = ()

    def resolved(self) -> RacePlan:
        """Return it with every default filled in; raises `UserError` naming an option."""
        if not 2 <= self.seeds <= _MOST_SEEDS:
            raise UserError(f"--seeds must be from 2 to {_MOST_SEEDS}, got {self.seeds}")
        if self.epochs is not None and not 1 <= self.epochs <= _MOST_EPOCHS:
            raise UserError(f"--epochs must be from 1 to {_MOST_EPOCHS:,}, got {self.epochs}")
        problem, target = catalogue.find(self.problem), target_of(self.target)
        _require_test_set(problem, target)
        backends = backends_over(self.backends, self.over)
        threads = self.threads or usable_cores()
        require_backends(backends, threads)
        return replace(
            self,
            problem=problem.reference,
            target=str(target),
            backends=backends,
            epochs=self.epochs or max(1, problem.iterations // problem.iterations_per_epoch),
            threads=threads,
            over=(),
        )

    @property
    def references(self) -> tuple[str, ...]:
        """The one that is raced."""
        return (self.problem,)


class Race:
    """The study."""

    name: ClassVar[str] = "race"
    Plan: ClassVar[type[Plan]] = RacePlan
    asked: ClassVar[tuple[str, ...]] = ("problem", "target", "threads")
    page: ClassVar[Page] = Page(
        "Race",
        "Which backend reaches a target first?",
        "No race was run yet.",
        "it",
    )
    doing: ClassVar[str] = "racing"

    def next(self, plan: RacePlan, rows: Sequence[Row], left: float) -> list[RaceJob]:
        """Ask for every seed that a competitor has no row of, unless one of its rows is no race."""
        problem = catalogue.find(plan.problem)
        epochs, per_epoch = plan.epochs or 1, problem.iterations_per_epoch
        every = max(1, epochs // _EVALUATIONS)
        if per_epoch > 1:
            every = per_epoch * ceil(epochs / MOST_CHECKS)
        done = {(row.backend, row.dtype, row.seed) for row in races(rows)}
        out = {(row.backend, row.dtype) for row in races(rows) if not has_raced(row)}
        return [
            RaceJob(
                problem=plan.problem,
                backend=name,
                dtype=dtype,
                threads=plan.threads or 1,
                repeat=seed,
                target=target_of(plan.target),
                epochs=epochs,
                check_iterations=every,
            )
            for seed, name, dtype in product(range(plan.seeds), plan.backends, plan.dtypes)
            if (name, dtype) not in out and (name, dtype, seed) not in done
        ]

    def answer(self, plan: RacePlan, rows: Sequence[Row], run: LoadedRun) -> Answer:
        """Judge the rows that were trained and timed as the newest: others are left out."""
        raced = races(rows)
        if not raced:
            raise UserError(f"{run.folder}: no rows of a race")
        newest = raced[-1]
        raced = [row for row in raced if _alike(row) == _alike(newest)]
        runs = race_runs(raced, product(plan.backends, plan.dtypes))
        return _Words(raced, runs).answer(plan)


def _require_test_set(problem: Problem, target: Target) -> None:
    """Raise `UserError` unless the problem has a test set that can show the target."""
    held_out = problem.parts()[1]
    if held_out is None:
        raise UserError(
            f"--problem {problem.reference}: the problem has no test set: choose "
            f"{RacePlan().problem}, or add test_share to a model file (docs/your-own-model.md)"
        )
    exact = score(problem, held_out.targets, held_out.targets)
    if target.goal == "accuracy" and exact.accuracy is None:
        raise UserError(
            f"--target {target}: {problem.reference} has no classes: choose a loss, such as "
            "loss=0.2"
        )


def _alike(row: RaceRow) -> tuple[object, ...]:
    """Return what two rows of a race must share to be compared."""
    trained = (row.problem, row.problem_digest, row.target, row.epochs, row.iterations_per_epoch)
    return (*trained, row.check_iterations, row.machine, row.environment, row.code, row.all_threads)


# --- in words ------------------------------------------------------------------------------------

COLUMNS = (
    *("backend", "dtype", "time to target [95% interval]", "epochs>", "reached>"),
    *("imports>", "setup>", "training>"),
)
# The name of each start, the end of its titles, and the title of an axis.
_FROM: dict[RaceStart, tuple[str, str, str]] = {
    "fresh": ("cold start", "from a cold start", "seconds since the process began"),
    "resident": ("warm", "warm (training alone)", "seconds of training"),
}
# A part that takes a larger share of a time is named.
_MOST_OF_IT = 0.5
_LONGEST_LINE = 100
"""Columns of an answer's line."""


class _Words:
    """Rows of one ground and what they say, in words."""

    def __init__(self, rows: Sequence[RaceRow], runs: Sequence[RaceRun]) -> None:
        self._rows, self._runs = rows, runs
        self._row, self._target = rows[-1], rows[-1].target
        self._dtypes = list(dict.fromkeys(run.dtype for run in runs))
        self._threads = threads_in_all(self._row.all_threads, (run.backend for run in runs))

    def answer(self, plan: RacePlan) -> Answer:
        row, target = self._row, str(self._target)
        verdicts = tuple(map(self._verdict, STARTS))
        return Answer(
            question=f"race: {row.problem} to {target}",
            asked=(("Problem", row.problem), ("Target", target)),
            ground=(("Threads", str(row.all_threads)),),
            verdicts=verdicts,
            notes=tuple(map(Note, self._notes())),
            tables=tuple(map(self._table, STARTS)),
            figures=tuple(
                Figure(
                    title=f"{self._title(start)}, {dtype}",
                    drawing=_figure([row for row in self._rows if row.dtype == dtype], start),
                    part=(("Start", _FROM[start][0]), ("dtype", dtype)),
                )
                for start, dtype in product(STARTS, self._dtypes)
            ),
            warnings=tuple(race_warnings(self._rows)),
            backends=tuple(dict.fromkeys(run.backend for run in self._runs)),
            next=("perceptron", "overhead", "--problem", plan.problem),
            data={
                "problem": row.problem,
                "target": target,
                "sentences": list(map(str, verdicts)),
                "runs": self._runs,
                "epochs": row.epochs,
                "iterations_per_epoch": row.iterations_per_epoch,
                "check_iterations": row.check_iterations,
                "threads": row.all_threads,
                "machine": row.machine,
            },
        )

    def _title(self, start: RaceStart) -> str:
        article = "an" if self._target.goal == "accuracy" else "a"
        target = f"{article} {self._target.goal} of {self._target.value:.15g} on the test set"
        return f"{self._row.problem} to {target}, {_FROM[start][1]}"

    def _notes(self) -> list[str]:
        """Say how it was raced, and what is the same in every backend's time."""
        row = self._row
        epochwise = row.check_iterations == row.iterations_per_epoch
        every = "epoch" if epochwise else f"{count(row.check_iterations)} iterations"
        notes = [
            f"The test set is evaluated every {every}, up to {count(row.epochs)} epochs; "
            f"{self._threads}. Seeds that miss the target are censored at the limit."
        ]
        data = [run.data_seconds for run in of_start(self._runs, "fresh") if run.data_seconds]
        if data:
            took = " to ".join(dict.fromkeys((duration(min(data)), duration(max(data)))))
            notes.append(f"Setup includes loading the data, alike for every backend: {took}.")
        return notes

    def _table(self, start: RaceStart) -> Table:
        """Return a row for each backend and dtype, with the reason where it has no time."""
        return Table(
            title=self._title(start),
            on_page="All backends and dtypes, the fastest first",
            columns=COLUMNS,
            rows=tuple(map(_cells, of_start(self._runs, start))),
            part=(("Start", _FROM[start][0]),),
        )

    def _verdict(self, start: RaceStart) -> Verdict:
        """Say which backend is first from one start, what the others take, and why."""
        runs = of_start(self._runs, start)
        decided, sentence, notes = self._said(runs)
        dtype = f", {self._dtypes[0]}" if len(self._dtypes) == 1 else ""
        return Verdict(
            subject=_FROM[start][0],
            decided=decided,
            sentence=sentence,
            notes=tuple(notes),
            heading=f"{self._row.machine}, {self._threads}{dtype}; 95% intervals",
            part=(("Start", _FROM[start][0]),),
        )

    def _said(self, runs: Sequence[RaceRun]) -> tuple[Decided, str, list[str]]:
        """Return whether it is decided which of one start is first, the sentence, and its notes."""
        leaders, name = leaders_of(runs), self._name
        late = [
            f"{name(run)} reaches it in {run.reached} of {run.seeds} seeds"
            for run in sorted(runs, key=lambda run: -run.reached)
            if run.seeds and run.seconds is None
        ]
        if not leaders:
            limit = f"{count(self._row.epochs)} epochs"
            late_all = f"no backend reaches {self._target} in half of its seeds within {limit}"
            return "no", late_all, [_joined("closest: ", late) if late else f"why: {NOTHING}"]
        first, is_open = leaders[0], len(leaders) > 1
        others = [run for run in runs if run.seconds is not None and run not in leaders]
        # The fastest dtype of each backend: the table has them all.
        fastest = {run.backend: run for run in reversed(others)}
        others = [run for run in others if run is fastest[run.backend]]
        behind = [*(f"{name(run)} takes {_time(run)}" for run in others), *late]
        if is_open and is_tie(leaders):
            head = f"{self._names(leaders, 'and')} tie at {_time(first)}"
        elif is_open:
            head = f"{self._names(leaders, 'or')} is first"
        elif behind:
            head = f"{name(first)} is first: {_time(first)}"
        else:
            head = f"only {name(first)} has a time: {_time(first)}"
        notes = []
        if is_open and not is_tie(leaders):
            notes.append(_joined("undecided: ", [f"{name(run)} {_time(run)}" for run in leaders]))
        if causes := list(filter(None, map(self._most_of, (first, *others)))):
            notes.append(_joined("why: ", causes))
        return (
            "partly" if is_open or not behind else "yes",
            _joined("", [head, *behind], "; "),
            notes,
        )

    def _name(self, run: RaceRun) -> str:
        return f"{run.backend} {run.dtype}" if len(self._dtypes) > 1 else run.backend

    def _names(self, runs: Sequence[RaceRun], word: str) -> str:
        """Return ``numpy float32, torch-cpu float32 or float64``: each backend once in a row."""
        names = [self._name(runs[0])]
        for before, run in pairwise(runs):
            names.append(run.dtype if run.backend == before.backend else self._name(run))
        return f"{', '.join(names[:-1])} {word} {names[-1]}"

    def _most_of(self, run: RaceRun) -> str | None:
        """Return what most of a time goes to; None where that is training."""
        least = _MOST_OF_IT * (run.seconds or 0.0)
        importing, setup = run.parts.importing or 0.0, run.parts.prepare or 0.0
        name, data = self._name(run), run.data_seconds or 0.0
        if importing > least:
            imports = f" and imports {', '.join(map(label, run.modules))}" if run.modules else ""
            return f"{name} starts Python{imports} in {duration(importing)}"
        if data > least:
            return f"{name} loads the data in {duration(data)}"
        return f"{name} is set up in {duration(setup)}" if setup > least else None


def _joined(head: str, parts: Sequence[str], between: str = ", ") -> str:
    """Return the parts behind each other, as many as a line has room for; the first always."""
    text = head + parts[0]
    for part in parts[1:]:
        if len(text) + len(between) + len(part) > _LONGEST_LINE:
            break
        text += between + part
    return text


def _cells(run: RaceRun) -> tuple[str, ...]:
    if not run.seeds:
        return run.backend, run.dtype, f"not measured: {run.reason}", *[NONE] * len(COLUMNS[3:])
    median = "not reached in half of the seeds" if run.seconds is None else _time(run)
    # A part of no seconds is none of what is shown.
    imports, setup, training = (
        duration(part) if part else NONE
        for part in (run.parts.importing, run.parts.prepare, run.parts.train)
    )
    return (
        run.backend,
        run.dtype,
        median if run.reason is None else f"{median} ({run.reason})",
        NONE if run.epochs is None else digits(run.epochs),
        f"{run.reached} of {run.seeds}",
        imports,
        f"{setup} (cached)" if run.parts.prepare and run.prepared_from_cache else setup,
        training,
    )


def _time(run: RaceRun) -> str:
    """Return a median with its interval."""
    return duration_interval(run.seconds or 0.0, run.low, run.high)


# --- as a figure ---------------------------------------------------------------------------------

# Markers that a line has room for; a training may be evaluated hundreds of times.
_MARKERS = 40


def _figure(rows: Sequence[RaceRow], start: RaceStart) -> LineFigure | None:
    """Return the test set's score over seconds; None where nothing of one dtype raced.

    A line for each backend, with the band of its seeds.
    """
    curves = {
        backend: race_curve([row for row in rows if row.backend == backend], start)
        for backend in dict.fromkeys(row.backend for row in rows if has_raced(row))
    }
    goal, x_title = rows[0].target.goal if rows else "", _FROM[start][2]
    lines = [
        _line(backend, shown, goal)
        for backend, points in curves.items()
        # What a logarithmic axis has no place for: a time of 0, of a broken clock, and a loss of 0.
        if (shown := [one for one in points if one.seconds > 0 and (one.low > 0 or goal != "loss")])
    ]
    if not lines:
        return None
    row, target = rows[0], rows[0].target
    ends = [end for line in lines for end in (*line.low, *line.high) if end is not None]
    if goal == "accuracy":
        y = _shares(min(*ends, target.value))
        reached = Stretch("y", target.value, y.high, "interval")
    else:
        y = log_axis([*ends, target.value], digits, 10, "test loss")
        reached = Stretch("y", y.low, target.value, "interval")
    return LineFigure(
        alt=f"test {goal} of {row.problem} over {x_title}, logarithmic, "
        f"{row.dtype}: " + "; ".join(f"{line.label} {line.texts[-1]}" for line in lines),
        caption="Each mark is an evaluation of the test set. Lines are medians over the seeds; "
        f"bands reach from the lowest to the highest. Grey: {target} is reached.",
        height=440,
        x=log_axis([x for line in lines for x in line.x], tick, 10, x_title),
        y=y,
        lines=tuple(lines),
        stretches=(reached,),
    )


def _line(backend: str, points: Sequence[RacePoint], goal: str) -> Line:
    value_text = percent if goal == "accuracy" else digits
    shown = _thinned(points)
    x, y, low, high, _ = zip(*shown, strict=True)
    texts = (
        f"{value_text(point.value)} after {duration(point.seconds)}, {digits(point.epochs)} epochs"
        for point in shown
    )
    return Line(backend=backend, label=backend, x=x, y=y, low=low, high=high, texts=tuple(texts))


def _thinned(points: Sequence[RacePoint]) -> Sequence[RacePoint]:
    """Return the first and the last point, and between them some that lie well apart."""
    if len(points) <= _MARKERS:
        return points
    step = log(points[-1].seconds / points[0].seconds) / _MARKERS
    kept = [points[0]]
    for point, after in pairwise(points[1:]):
        if log(after.seconds / kept[-1].seconds) > step:
            kept.append(point)
    return [*kept, points[-1]]


def _shares(lowest: float) -> Axis:
    """Return an axis of shares, from the tenth below the lowest up to 1."""
    ticks = [tenth / 10 for tenth in range(floor(10 * min(lowest, 0.9)), 11)]
    return Axis(
        title="test accuracy",
        low=ticks[0] - 0.03,  # so that a mark there is whole
        high=1.0,
        ticks=tuple((value, percent(value, 0)) for value in ticks),
        is_linear=True,
    )
