"""Which backend has my model trained first: races to a target, from a fresh process or resident."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from math import ceil, floor, log
from typing import Annotated, ClassVar

from msgspec.structs import replace

from perceptron.analysis.over_processes import threads_in_all
from perceptron.analysis.race import (
    STARTS,
    Competitor,
    RacePoint,
    RaceRun,
    RaceStart,
    first_of,
    has_raced,
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
# Where an epoch is a single iteration, that often the held-out part is looked at: as long as there
# is nothing more to say, looking must not take longer than training.
_LOOKS = 200


class RacePlan(Plan, frozen=True, kw_only=True):
    """Who races to what."""

    problem: Annotated[
        str, Option("A problem with a held-out part: digits, FILE.toml.", metavar="P")
    ] = "digits"
    target: Annotated[
        str, Option("To reach on the held-out part.", metavar="accuracy=A|loss=L")
    ] = "accuracy=0.95"
    backends: Annotated[
        tuple[str, ...], Option("Who races.", ("--backends", "--backend"), "NAME …")
    ] = ()
    dtypes: Annotated[
        tuple[RaceDType, ...],
        Option("float32, float64, bfloat16. Default: float32.", ("--dtype",), "NAME …"),
    ] = ("float32",)
    seeds: Annotated[int, Option("Trainings of each. Default: 7.", metavar="N")] = 7
    """With seeds from 0 up: the same for all."""
    epochs: Annotated[
        int | None, Option("Give up after so many. Default: the problem's.", metavar="N")
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
        _require_held_out(problem, target)
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
    def problems(self) -> tuple[str, ...]:
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
        "Nobody has raced to a target yet.",
        "it",
    )
    doing: ClassVar[str] = "racing"

    def next(self, plan: RacePlan, rows: Sequence[Row], left: float) -> list[RaceJob]:
        """Ask for every seed that a competitor has no row of, unless one of its rows is no race."""
        problem = catalogue.find(plan.problem)
        epochs, per_epoch = plan.epochs or 1, problem.iterations_per_epoch
        every = max(1, epochs // _LOOKS)
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


def _require_held_out(problem: Problem, target: Target) -> None:
    """Raise `UserError` unless the problem has a held-out part on which that can be reached."""
    held_out = problem.parts()[1]
    if held_out is None:
        raise UserError(
            f"--problem {problem.reference}: it holds nothing out, so nobody sees when a target is "
            f"reached: choose {RacePlan().problem}, or give test_share in a model file "
            "(docs/your-own-model.md)"
        )
    exact = score(problem, held_out.targets, held_out.targets)
    if target.goal == "accuracy" and exact.accuracy is None:
        raise UserError(
            f"--target {target}: the targets of {problem.reference} are no classes: give a loss, "
            "such as loss=0.2"
        )


def _alike(row: RaceRow) -> tuple[object, ...]:
    """Return what two rows of a race must share to be compared."""
    trained = (row.problem, row.problem_digest, row.target, row.epochs, row.iterations_per_epoch)
    return (*trained, row.check_iterations, row.machine, row.environment, row.code, row.all_threads)


# --- in words ------------------------------------------------------------------------------------

COLUMNS = (
    "backend",
    "dtype",
    "to the target [95% interval]",
    "epochs>",
    "seeds there>",
    "imports>",
    "preparing>",
    "training>",
)
_WORDS: Mapping[RaceStart, str] = {
    "fresh": "from a fresh process",
    "resident": "resident, where only training counts",
}
# What takes so much of a time is named beside it.
_MOST_OF_IT = 0.5


class _Told:
    """Rows of one ground with their lines, put in words."""

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
                "sentences": [verdict.sentence for verdict in verdicts],
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
        target = f"{article} {self._target.goal} of {self._target.value:.15g} on the held-out part"
        return f"{self._row.problem} to {target}, {_WORDS[start]}"

    def _table(self, start: RaceStart) -> Table:
        """Return a row for each backend and dtype; who did not race says why."""
        return Table(
            title=self._title(start),
            on_page="All backends and dtypes, the fastest first",
            columns=COLUMNS,
            rows=tuple(map(_cells, of_start(self._runs, start))),
            part=(("Start", start),),
        )

    def _verdict(self, start: RaceStart) -> Verdict:
        """Say who is first from one start, what the others take, and what most of that goes to."""
        runs = of_start(self._runs, start)
        several = len({run.dtype for run in self._runs}) > 1

        def name(run: RaceRun) -> str:
            return f"{run.backend} {run.dtype}" if several else run.backend

        def timed(run: RaceRun) -> str:
            return f"{name(run)} {_time(run)}"

        late = [
            f"{name(run)} got there with {run.reached} of {run.seeds} seeds"
            for run in runs
            if run.seeds and run.seconds is None
        ]
        begin = _WORDS[start][0].upper() + _WORDS[start][1:]
        decided: Decided = "no"
        first = first_of(runs)
        if first is None:
            why = f": {'; '.join(late)}" if late else ", because nobody raced"
            sentence = (
                f"{begin}, no backend gets to {self._target} with half of its seeds within "
                f"{count(self._row.epochs)} epochs{why}."
            )
        else:
            decided = "partly" if first.unsure else "yes"
            told = [first.run, *first.unsure]
            head = f"{name(first.run)} is there first: {_time(first.run)}"
            if first.unsure:
                head = f"it is not sure who is there first: {' or '.join(map(timed, told))}"
            others = [run for run in runs if run.seconds is not None and run not in told]
            sentence = f"{begin}, {'; '.join([head, *map(timed, others), *late])}."
        return Verdict(subject=start, decided=decided, sentence=sentence, part=(("Start", start),))

    def _notes(self) -> tuple[Note, ...]:
        """Say how it was raced, and what every backend's time holds alike."""
        row = self._row
        epochwise = row.check_iterations == row.iterations_per_epoch
        every = "epoch" if epochwise else f"{count(row.check_iterations)} iterations"
        threads = threads_in_all(row.all_threads, (run.backend for run in self._runs))
        lines = [
            f"Looked at every {every}, at most {count(row.epochs)} epochs; {threads}. Who did not "
            "get there counts as slower than the time that it was given."
        ]
        data = [own.data_seconds for own in of_start(self._runs, "fresh") if own.data_seconds]
        if data:
            took = " to ".join(dict.fromkeys((duration(min(data)), duration(max(data)))))
            lines.append(f"Of preparing, {took} went to having the data, as every backend must.")
        return tuple(map(Note, lines))


def _cells(run: RaceRun) -> tuple[str, ...]:
    if not run.seeds:
        reason = f"not measured: {run.reason}"
        return (run.backend, run.dtype, reason, *(NONE for _ in COLUMNS[3:]))
    parts = run.parts
    median = "fewer than half got there"
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
    """Return a median with its interval, and what most of it goes to if that is not training."""
    seconds = run.seconds or 0.0
    words = duration_interval(seconds, run.low, run.high)
    importing, prepare = run.parts.importing or 0.0, run.parts.prepare or 0.0
    if importing > _MOST_OF_IT * seconds:
        imports = f" and import {', '.join(map(label, run.modules))}" if run.modules else ""
        return f"{words}, of which {duration(importing)} is to start Python{imports}"
    if (run.data_seconds or 0.0) > _MOST_OF_IT * seconds:
        return f"{words}, of which {duration(run.data_seconds or 0.0)} is to have the data"
    if prepare > _MOST_OF_IT * seconds:
        return f"{words}, of which {duration(prepare)} is to prepare"
    return words


# --- as a figure ---------------------------------------------------------------------------------

# Markers that a line has room for; a training may be looked at hundreds of times.
_MARKERS = 40
_TENTHS = 10
# Of the axis below its first tick, so that a mark there is whole.
_BELOW = 0.03
_AXES: Mapping[RaceStart, str] = {
    "fresh": "seconds since the process began",
    "resident": "seconds of training",
}


def _figure(rows: Sequence[RaceRow], start: RaceStart) -> LineFigure | None:
    """Return what the held-out part showed over seconds; None where nothing of one dtype raced.

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
        alt=f"held-out {target.goal} of {row.problem} over {_AXES[start]}, logarithmic, "
        f"{row.dtype}: " + "; ".join(f"{line.label} {line.texts[-1]}" for line in lines),
        caption="Each mark is a look at the held-out part; bands reach from the lowest to the "
        f"highest of the seeds, and lines are their medians. Grey: {target} is reached.",
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
        title="held-out accuracy",
        low=ticks[0] - _BELOW,
        high=1.0,
        ticks=tuple((value, percent(value, 0)) for value in ticks),
        is_linear=True,
    )


def _losses(lines: Sequence[Line], target: float) -> Axis:
    values = [end for line in lines for end in (*line.low, *line.high) if end is not None]
    return log_axis([*values, target], digits, 10, "held-out loss")
