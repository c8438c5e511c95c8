"""Which backend has my model trained first: races to a target, from a fresh process or resident."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from math import ceil, floor, log
from typing import Annotated, ClassVar

from msgspec.structs import replace

from perceptron.analysis.over_processes import threads_in_all
from perceptron.analysis.race import (
    NOTHING,
    STARTS,
    Competitor,
    First,
    RacePoint,
    RaceRun,
    RaceStart,
    first_of,
    has_raced,
    is_tie,
    of_start,
    race_curves,
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
        str, Option("A problem with a test set, or FILE.toml. Default: digits.", metavar="P")
    ] = "digits"
    target: Annotated[
        str,
        Option("Reach it on the test set. Default: accuracy=0.95.", metavar="accuracy=A|loss=L"),
    ] = "accuracy=0.95"
    backends: Annotated[
        tuple[str, ...],
        Option("Choose; see `perceptron backends`.", ("--backends", "--backend"), "NAME …"),
    ] = ()
    dtypes: Annotated[
        tuple[RaceDType, ...],
        Option("float32, float64, bfloat16. Default: float32.", ("--dtype",), "NAME …"),
    ] = ("float32",)
    seeds: Annotated[int, Option("Train each backend so often. Default: 7.", metavar="N")] = 7
    """With seeds from 0 up: the same for all."""
    epochs: Annotated[
        int | None, Option("Stop after so many. Default: the problem's.", metavar="N")
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

    @property
    def competitors(self) -> list[Competitor]:
        """Every backend in every dtype."""
        dtypes = dict.fromkeys(self.dtypes)
        return [Competitor(name, dtype) for name in self.backends for dtype in dtypes]


class Race:
    """The study."""

    name: ClassVar[str] = "race"
    Plan: ClassVar[type[Plan]] = RacePlan
    asked: ClassVar[tuple[str, ...]] = ("problem", "target", "threads")
    page: ClassVar[Page] = Page(
        "Race",
        "Which backend has my model trained first?",
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
            for seed in range(plan.seeds)
            for name in plan.backends
            for dtype in plan.dtypes
            if (name, dtype) not in out and (name, dtype, seed) not in done
        ]

    def answer(self, plan: RacePlan, rows: Sequence[Row], run: LoadedRun) -> Answer:
        """Judge the rows that were trained and timed as the newest: others are left out."""
        raced = races(rows)
        if not raced:
            raise UserError(f"{run.folder}: no rows of a race")
        newest = raced[-1]
        raced = [row for row in raced if _alike(row) == _alike(newest)]
        return _Told(raced, race_runs(raced, plan.competitors)).answer(plan)


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
    "backend",
    "dtype",
    "time to target [95% interval]",
    "epochs>",
    "reached>",
    "imports>",
    "setup>",
    "training>",
)
_WORDS: Mapping[RaceStart, str] = {
    "fresh": "from a fresh process",
    "resident": "resident (training alone)",
}
_SUBJECTS: Mapping[RaceStart, str] = {"fresh": "fresh process", "resident": "resident"}
# A part that takes a larger share of a time is named.
_MOST_OF_IT = 0.5
_COLUMNS = 100
"""Of a line of an answer."""


class _Told:
    """Rows of one ground and what they say, in words."""

    def __init__(self, rows: Sequence[RaceRow], runs: Sequence[RaceRun]) -> None:
        self._rows = rows
        self._runs = runs
        self._row = rows[-1]
        self._target = self._row.target

    def answer(self, plan: RacePlan) -> Answer:
        row, dtypes = self._row, list(dict.fromkeys(run.dtype for run in self._runs))
        verdicts = tuple(map(self._verdict, STARTS))
        return Answer(
            question=f"race: {row.problem} to {self._target}",
            asked=(("Problem", row.problem), ("Target", str(self._target))),
            ground=(("Threads", str(row.all_threads)),),
            verdicts=verdicts,
            notes=self._notes(),
            tables=tuple(map(self._table, STARTS)),
            figures=tuple(
                Figure(
                    title=f"{self._title(start)}, {dtype}",
                    drawing=_figure([row for row in self._rows if row.dtype == dtype], start),
                    part=(("Start", start), ("dtype", dtype)),
                )
                for start in STARTS
                for dtype in dtypes
            ),
            warnings=tuple(race_warnings(self._rows)),
            backends=tuple(dict.fromkeys(run.backend for run in self._runs)),
            next=("perceptron", "overhead", "--problem", plan.problem),
            data={
                "problem": row.problem,
                "target": str(self._target),
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
        return f"{self._row.problem} to {target}, {_WORDS[start]}"

    def _table(self, start: RaceStart) -> Table:
        """Return a row for each backend and dtype, with the reason where it has no time."""
        return Table(
            title=self._title(start),
            on_page="All backends and dtypes, the fastest first",
            columns=COLUMNS,
            rows=tuple(map(_cells, of_start(self._runs, start))),
            part=(("Start", start),),
        )

    def _verdict(self, start: RaceStart) -> Verdict:
        """Say which backend is first from one start, what the others take, and why."""
        runs = of_start(self._runs, start)
        first = first_of(runs)
        late = [
            f"{self._name(run)} reaches it in {run.reached} of {run.seeds} seeds"
            for run in sorted(runs, key=lambda run: -run.reached)
            if run.seeds and run.seconds is None
        ]
        decided: Decided = "no"
        notes: list[str] = []
        if first is None:
            sentence = (
                f"no backend reaches {self._target} in half of its seeds within "
                f"{count(self._row.epochs)} epochs"
            )
            notes.append(_joined("closest: ", late) if late else f"why: {NOTHING}")
        else:
            leaders = [first.run, *first.undecided]
            others = [run for run in runs if run.seconds is not None and run not in leaders]
            # Of each backend the fastest dtype: the table has them all.
            fastest = {run.backend: run for run in reversed(others)}
            others = [run for run in others if run is fastest[run.backend]]
            takes = [f"{self._name(run)} takes {_time(run)}" for run in others]
            decided = "partly" if first.undecided or not (takes or late) else "yes"
            sentence = _joined("", [self._head(first, [*takes, *late]), *takes, *late], "; ")
            if first.undecided and not is_tie(leaders):
                times = [f"{self._name(run)} {_time(run)}" for run in leaders]
                notes.append(_joined("undecided: ", times))
            causes = [cause for run in (first.run, *others) if (cause := self._most_of(run))]
            if causes:
                notes.append(_joined("why: ", causes))
        dtypes = {run.dtype for run in runs}
        dtype = f", {runs[0].dtype}" if len(dtypes) == 1 else ""
        return Verdict(
            subject=_SUBJECTS[start],
            decided=decided,
            sentence=sentence,
            notes=tuple(notes),
            heading=f"{self._row.machine}, {self._threads()}{dtype}; 95% intervals",
            part=(("Start", start),),
        )

    def _head(self, first: First, others: Sequence[str]) -> str:
        leaders = [first.run, *first.undecided]
        if not first.undecided and not others:
            return f"only {self._name(first.run)} has a time: {_time(first.run)}"
        if not first.undecided:
            return f"{self._name(first.run)} is first: {_time(first.run)}"
        if is_tie(leaders):
            return f"{self._names(leaders, 'and')} tie at {_time(first.run)}"
        return f"{self._names(leaders, 'or')} is first"

    def _threads(self) -> str:
        return threads_in_all(self._row.all_threads, (run.backend for run in self._runs))

    def _name(self, run: RaceRun) -> str:
        several = len({run.dtype for run in self._runs}) > 1
        return f"{run.backend} {run.dtype}" if several else run.backend

    def _names(self, runs: Sequence[RaceRun], word: str) -> str:
        """Return ``numpy float32, torch-cpu float32 or float64``: each backend once in a row."""
        names = [
            run.dtype if before is not None and before.backend == run.backend else self._name(run)
            for before, run in zip((None, *runs), runs, strict=False)
        ]
        return f" {word} ".join(filter(None, (", ".join(names[:-1]), names[-1])))

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

    def _notes(self) -> tuple[Note, ...]:
        """Say how it was raced, and what is the same in every backend's time."""
        row = self._row
        epochwise = row.check_iterations == row.iterations_per_epoch
        every = "epoch" if epochwise else f"{count(row.check_iterations)} iterations"
        lines = [
            f"The test set is evaluated every {every}, up to {count(row.epochs)} epochs; "
            f"{self._threads()}. Seeds that miss the target are censored at the limit."
        ]
        data = [own.data_seconds for own in of_start(self._runs, "fresh") if own.data_seconds]
        if data:
            took = " to ".join(dict.fromkeys((duration(min(data)), duration(max(data)))))
            lines.append(f"Setup includes loading the data, alike for every backend: {took}.")
        return tuple(map(Note, lines))


def _joined(head: str, parts: Sequence[str], between: str = ", ") -> str:
    """Return the parts behind each other, as many as a line has room for; the first always."""
    text = head + parts[0]
    for part in parts[1:]:
        if len(text) + len(between) + len(part) > _COLUMNS:
            break
        text += between + part
    return text


def _cells(run: RaceRun) -> tuple[str, ...]:
    if not run.seeds:
        reason = f"not measured: {run.reason}"
        return (run.backend, run.dtype, reason, *(NONE for _ in COLUMNS[3:]))
    parts = run.parts
    median = "not reached in half of the seeds"
    if run.seconds is not None:
        median = duration_interval(run.seconds, run.low, run.high)
    if run.reason is not None:
        median += f" ({run.reason})"
    cached = " (cached)" if parts.prepare and run.prepared_from_cache else ""
    return (
        run.backend,
        run.dtype,
        median,
        NONE if run.epochs is None else digits(run.epochs),
        f"{run.reached} of {run.seeds}",
        _seconds(parts.importing),
        _seconds(parts.prepare) + cached,
        _seconds(parts.train),
    )


def _seconds(seconds: float | None) -> str:
    """Return a part's time; one of no seconds is none of what is shown."""
    return duration(seconds) if seconds else NONE


def _time(run: RaceRun) -> str:
    """Return a median with its interval."""
    return duration_interval(run.seconds or 0.0, run.low, run.high)


# --- as a figure ---------------------------------------------------------------------------------

# Markers that a line has room for; a training may be evaluated hundreds of times.
_MARKERS = 40
_TENTHS = 10
# Of the axis below its first tick, so that a mark there is whole.
_BELOW = 0.03
_AXES: Mapping[RaceStart, str] = {
    "fresh": "seconds since the process began",
    "resident": "seconds of training",
}


def _figure(rows: Sequence[RaceRow], start: RaceStart) -> LineFigure | None:
    """Return the test set's score over seconds; None where nothing of one dtype raced.

    A line for each backend, with the band of its seeds.
    """
    if not rows:
        return None
    row, target = rows[0], rows[0].target
    curves = race_curves(rows, start, target.goal).items()
    lines = [line for name, points in curves if (line := _line(name.backend, points, target))]
    if not lines:
        return None
    y = _shares(lines, target.value) if target.goal == "accuracy" else _losses(lines, target.value)
    ends = (target.value, y.high) if target.goal == "accuracy" else (y.low, target.value)
    return LineFigure(
        alt=f"test {target.goal} of {row.problem} over {_AXES[start]}, logarithmic, "
        f"{row.dtype}: " + "; ".join(f"{line.label} {line.texts[-1]}" for line in lines),
        caption="Each mark is an evaluation of the test set. Lines are medians over the seeds; "
        f"bands reach from the lowest to the highest. Grey: {target} is reached.",
        height=440,
        x=log_axis([x for line in lines for x in line.x], tick, 10, _AXES[start]),
        y=y,
        lines=tuple(lines),
        stretches=(Stretch("y", *ends, "interval"),),
    )


def _line(backend: str, points: Iterable[RacePoint], target: Target) -> Line | None:
    # A time of 0, which only a broken clock gives, has no place on this axis.
    shown = [point for point in points if point.seconds > 0]
    if target.goal == "loss":
        shown = [point for point in shown if point.low > 0]
    if not shown:
        return None
    shown = _thinned(shown)

    def text(point: RacePoint) -> str:
        value = percent(point.value) if target.goal == "accuracy" else digits(point.value)
        return f"{value} after {duration(point.seconds)}, {digits(point.epochs)} epochs"

    return Line(
        backend=backend,
        label=backend,
        x=tuple(point.seconds for point in shown),
        y=tuple(point.value for point in shown),
        low=tuple(point.low for point in shown),
        high=tuple(point.high for point in shown),
        texts=tuple(map(text, shown)),
    )


def _thinned(points: Sequence[RacePoint]) -> list[RacePoint]:
    """Return the first and the last point, and between them some that lie well apart."""
    if len(points) <= _MARKERS:
        return list(points)
    step = log(points[-1].seconds / points[0].seconds) / _MARKERS
    kept = [points[0]]
    for point, after in pairwise(points[1:]):
        if log(after.seconds / kept[-1].seconds) > step:
            kept.append(point)
    return [*kept, points[-1]]


def _shares(lines: Sequence[Line], target: float) -> Axis:
    """Return an axis of shares, from the lowest tenth that any of them needs up to 1."""
    lowest = min((*(end for line in lines for end in line.low if end is not None), target))
    first = floor(_TENTHS * min(lowest, 0.9))
    ticks = [tenth / _TENTHS for tenth in range(first, _TENTHS + 1)]
    return Axis(
        title="test accuracy",
        low=ticks[0] - _BELOW,
        high=1.0,
        ticks=tuple((value, percent(value, 0)) for value in ticks),
        is_linear=True,
    )


def _losses(lines: Sequence[Line], target: float) -> Axis:
    values = [end for line in lines for end in (*line.low, *line.high) if end is not None]
    return log_axis([*values, target], digits, 10, "test loss")
