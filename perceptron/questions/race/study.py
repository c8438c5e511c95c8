"""Which backend reaches a target first, from a cold start and warm?"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import product
from math import ceil, floor
from statistics import median
from typing import Annotated, ClassVar

from msgspec.structs import replace

from perceptron.answer import Answer, Decided, Figure, Note, Page, Table, Verdict
from perceptron.backends.shared.evaluation import score
from perceptron.errors import UserError
from perceptron.figure import Axis, Bar, BarFigure, Line, LineFigure, Stretch, log_axis
from perceptron.figure import Figure as Drawing
from perceptron.machine import usable_cores
from perceptron.measure.job import Race as RaceJob
from perceptron.numbers import (
    Cell,
    Quantity,
    count,
    digits,
    duration,
    duration_interval,
    enumerated,
    percent,
    tick,
)
from perceptron.problems import catalogue
from perceptron.problems.problem import Problem
from perceptron.questions.race.judge import (
    NOTHING,
    RaceResult,
    RaceRun,
    RaceStart,
    race_results,
    race_warnings,
    trained,
)
from perceptron.questions.shared.pairs import backends_over, require_backends
from perceptron.questions.shared.ranking_sentence import alone, next_of, takes
from perceptron.questions.study import Backends, Option, Over, Plan, Threads
from perceptron.records.grouping import grouped
from perceptron.records.race import (
    MOST_CHECKS,
    RaceDType,
    RaceRow,
    Target,
    has_raced,
    target_of,
)
from perceptron.records.readers.stored_runs import LoadedRun
from perceptron.records.row import Row, races
from perceptron.statistics.over_processes import threads_in_all
from perceptron.statistics.ranking import Ranking
from perceptron.statistics.sessions import Start, intervals_of, starts_of
from perceptron.untrusted_text import label

_MOST_SEEDS = 1000
_MOST_EPOCHS = 10**9
# Evaluations of the test set in a training whose epochs are single iterations: more of them would
# take longer than the training.
_EVALUATIONS = 200
# The most points of a line in the figure; a training may be evaluated thousands of times.
_POINTS = 200


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
    backends: Backends = ()
    dtypes: Annotated[
        tuple[RaceDType, ...],
        Option(
            "Compute in float32, float64 or bfloat16. Default: float32.", ("--dtype",), "NAME …"
        ),
    ] = ("float32",)
    seeds: Annotated[int, Option("Train each backend from N seeds. Default: 7.", metavar="N")] = 7
    """The seeds are 0 to N - 1 for every backend."""
    epochs: Annotated[
        int | None, Option("Stop after N epochs. Default: the problem's.", metavar="N")
    ] = None
    threads: Threads = None
    over: Over = ()

    def resolved(self) -> RacePlan:
        """Return the plan with every default filled in; raise `UserError` naming an option."""
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
        """The problem that is raced."""
        return (self.problem,)


class Race:
    """The study."""

    name: ClassVar[str] = "race"
    Plan: ClassVar[type[Plan]] = RacePlan
    query_fields: ClassVar[tuple[str, ...]] = ("problem", "target", "threads")
    page: ClassVar[Page] = Page(
        "Race",
        "Which backend reaches a target first?",
        "No race was run yet.",
        "it",
    )
    doing: ClassVar[str] = "racing"

    def next(self, plan: RacePlan, rows: Sequence[Row], left: float) -> list[RaceJob]:
        """Return a job for each missing seed of each competitor that has not failed."""
        problem = catalogue.find(plan.problem)
        epochs, per_epoch = plan.epochs or 1, problem.iterations_per_epoch
        every = max(1, epochs // _EVALUATIONS)
        if per_epoch > 1:
            every = per_epoch * ceil(epochs / MOST_CHECKS)
        done = {(row.backend, row.dtype, row.seed) for row in races(rows)}
        failed = {(row.backend, row.dtype) for row in races(rows) if not has_raced(row)}
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
            if (name, dtype) not in failed and (name, dtype, seed) not in done
        ]

    def answer(self, plan: RacePlan, rows: Sequence[Row], run: LoadedRun) -> Answer:
        """Judge the newest row and those that may be compared with it."""
        raced = races(rows)
        if not raced:
            raise UserError(f"{run.folder}: no rows of a race")
        newest = raced[-1]
        raced = [row for row in raced if _alike(row) == _alike(newest)]
        beside = [row for row in run.other_races if row.raced == newest.raced]
        results = race_results(raced, product(plan.backends, plan.dtypes), beside)
        return _answer(plan, newest, raced, results, starts_of([*raced, *beside]))


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
    """Return the key that is equal for rows that may be compared."""
    return (*row.raced, row.code)


# --- in words ------------------------------------------------------------------------------------

_COLUMNS = (
    *("backend", "dtype", "time to target [95% interval]", "epochs>", "reached>"),
    *("imports>", "setup>", "training>"),
)
# For each start: its name, the end of its titles, and the title of its axis.
_STARTS: dict[RaceStart, tuple[str, str, str]] = {
    "cold": ("cold start", "from a cold start", "seconds since the process began"),
    "warm": ("warm", "warm (training alone)", "seconds of training"),
}


def _answer(
    plan: RacePlan,
    row: RaceRow,
    raced: Sequence[RaceRow],
    results: Sequence[RaceResult],
    together: Collection[Start],
) -> Answer:
    """Return the answer: a verdict and a table of each start, and its figure in each dtype."""
    runs = [run for result in results for run in result.runs]
    threads = threads_in_all(row.all_threads, (run.backend for run in runs))
    dtypes = tuple(dict.fromkeys(run.dtype for run in runs))
    heading = ", ".join([row.machine, threads, *(dtypes if len(dtypes) == 1 else ())])
    heading += f"; {intervals_of(together)}"
    verdicts, tables, figures = [], [], []
    for result in results:
        start, (name, ending, x_title) = result.start, _STARTS[result.start]
        part = (("Start", start),)
        decided, sentence, notes = _sentence(row, result, len(dtypes) > 1)
        verdicts.append(
            Verdict(
                subject=name,
                decided=decided,
                sentence=sentence,
                notes=notes,
                heading=heading,
                part=part,
            )
        )
        article = "an" if row.target.goal == "accuracy" else "a"
        target = f"{article} {row.target.goal} of {row.target.value:.15g} on the test set"
        title = f"{row.problem} to {target}, {ending}"
        cells = tuple(map(_cells, result.runs))
        tables.append(Table(title=title, columns=_COLUMNS, rows=cells, part=part))
        for dtype in dtypes:
            drawing: Drawing | None
            if start == "cold":  # over time it would show imports, and learning as a dot
                drawing = _parts([run for run in result.runs if run.dtype == dtype], row, x_title)
            else:
                drawing = _figure([row for row in raced if row.dtype == dtype], x_title)
            setting = (*part, ("dtype", dtype))
            figures.append(Figure(title=f"{title}, {dtype}", drawing=drawing, part=setting))
    return Answer(
        question=f"race: {row.problem} to {row.target}",
        query=(("Problem", row.problem), ("Target", str(row.target))),
        conditions=(("Threads", str(row.all_threads)),),
        verdicts=tuple(verdicts),
        notes=tuple(map(Note, _notes(row, runs, threads))),
        tables=tuple(tables),
        figures=tuple(figures),
        warnings=tuple(race_warnings(raced)),
        backends=tuple(dict.fromkeys(run.backend for run in runs)),
        next=("perceptron", "overhead", "--problem", plan.problem),
        data={
            "problem": row.problem,
            "target": str(row.target),
            "runs": runs,
            "rankings": {result.start: result.ranking for result in results},
            "epochs": row.epochs,
            "iterations_per_epoch": row.iterations_per_epoch,
            "check_iterations": row.check_iterations,
            "threads": row.all_threads,
            "machine": row.machine,
        },
    )


def _notes(row: RaceRow, runs: Sequence[RaceRun], threads: str) -> Iterator[str]:
    """Yield notes on evaluation and censoring, and on the part that all times share."""
    epochwise = row.check_iterations == row.iterations_per_epoch
    every = "epoch" if epochwise else f"{count(row.check_iterations)} iterations"
    yield (
        f"The test set is evaluated every {every}, up to {count(row.epochs)} epochs; {threads}. "
        "Seeds that miss the target are censored at the limit."
    )
    if data := [run.data_seconds for run in runs if run.data_seconds]:
        took = " to ".join(dict.fromkeys((duration(min(data)), duration(max(data)))))
        yield f"Setup includes loading the data, alike for every backend: {took}."


def _sentence(
    row: RaceRow, result: RaceResult, with_dtype: bool
) -> tuple[Decided, str, tuple[str, ...]]:
    """Return whether the first is decided, the sentence with the next backend, and notes."""
    ranking = result.ranking
    runs = {run.name: run for run in result.runs}
    names = {run.name: run.name if with_dtype else run.backend for run in result.runs}
    late = [run for run in result.runs if run.seconds is None and run.seeds]
    late.sort(key=lambda run: -run.reached)
    missed = [
        f"{names[run.name]} reaches it in {run.reached} of {run.seeds} seeds" for run in late[:1]
    ]
    if not ranking.order:
        limit = f"{count(row.epochs)} epochs"
        note = f"closest: {missed[0]}" if missed else f"why: {NOTHING}"
        return "no", f"no backend reaches {row.target} in half of its seeds within {limit}", (note,)
    slower = ranking.slower[:1]
    tail = [_takes(ranking, name, names) for name in slower] or missed
    notes = []
    named = {late[0].name} if late and not slower else set()
    if ranking.open and (undecided := ", ".join(_undecided(result, names, named))):
        notes.append(f"undecided: {undecided}")
    first = runs[ranking.order[0]]
    causes = [
        f"{names[run.name]} {most}"
        for run in (first, *(runs[name] for name in slower))
        if (most := _most_of(run))
    ]
    if causes:
        notes.append(f"why: {', '.join(causes)}")
    if ranking.is_alone:
        notes.append(f"next: {next_of((), None, '')}")
    head = _head(ranking, names, _time(first))
    return ranking.decided, "; ".join([head, *tail]), tuple(notes)


def _head(ranking: Ranking, names: Mapping[str, str], time: str) -> str:
    first, *others = ranking.order
    if ranking.is_alone:
        return alone(ranking, time, names.__getitem__)
    if not others:
        return f"only {names[first]} has a time: {time}"
    leaders = [names[name] for name in ranking.order if name not in ranking.slower]
    if not set(ranking.open).isdisjoint(others):
        return f"{' or '.join(leaders)} is first"
    if ranking.ties:
        return f"{enumerated(leaders)} tie at {time}"
    of = f" of the {len(ranking.order)} with a time" if ranking.open else ""
    return f"{names[first]} is first{of}: {time}"


def _takes(ranking: Ranking, name: str, names: Mapping[str, str]) -> str:
    ratio = ranking.ratios[name]
    if ratio is None:
        return names[name]
    return takes(name, ratio, called=names.__getitem__)


def _undecided(
    result: RaceResult, names: Mapping[str, str], mentioned: Collection[str]
) -> Iterator[str]:
    """Yield the undecided runs with reasons: the nearest with its ratio, all others by name.

    The ``mentioned`` runs are in the sentence already.
    """
    ranking, runs = result.ranking, {run.name: run for run in result.runs}

    def why(name: str) -> str:
        run = runs[name]
        if run.seconds is not None:
            return ranking.doubts[name]
        if run.seeds:
            return f"{run.reached} of {run.seeds} seeds reach it"
        return NOTHING if run.reason == NOTHING else "not measured"

    nearest = [name for name in ranking.open if name in ranking.order][:1]
    yield from (f"{_takes(ranking, name, names)} ({why(name)})" for name in nearest)
    others = [name for name in ranking.open if name not in nearest and name not in mentioned]
    for reason, of_reason in grouped(others, why).items():
        yield f"{enumerated(names[name] for name in of_reason)} ({reason})"


def _time(run: RaceRun) -> str:
    return duration_interval(run.seconds or 0.0, run.low, run.high)


def _most_of(run: RaceRun) -> str | None:
    """Return the part that takes more than half of a time; None if that is training."""
    imports = f" and imports {', '.join(map(label, run.modules))}" if run.modules else ""
    for action, seconds in (
        (f"starts Python{imports}", run.parts["import"]),
        ("loads the data", run.data_seconds),
        ("is set up", run.parts["setup"]),
    ):
        if run.seconds is not None and seconds is not None and 2 * seconds > run.seconds:
            return f"{action} in {duration(seconds)}"
    return None


def _cells(run: RaceRun) -> tuple[Cell, ...]:
    if not run.seeds:
        return run.backend, run.dtype, f"not measured: {run.reason}", *[None] * len(_COLUMNS[3:])
    because = "" if run.reason is None else f" ({run.reason})"
    time: Cell = f"not reached in half of the seeds{because}"
    if run.seconds is not None:
        time = Quantity(run.seconds, "s", (run.low, run.high), after=because)
    epochs = None if run.epochs is None else Quantity(run.epochs)
    reached = Quantity(run.reached, digits=",", after=f" of {run.seeds}")
    cached = {"setup": " (cached)" if run.prepared_from_cache else ""}
    # Parts of 0 seconds are not shown.
    parts = (
        Quantity(part, "s", after=cached.get(name, "")) if part else None
        for name, part in run.parts.items()
    )
    return run.backend, run.dtype, time, epochs, reached, *parts


# --- as a figure ---------------------------------------------------------------------------------


def _figure(rows: Sequence[RaceRow], x_title: str) -> LineFigure | None:
    """Draw the test set's score over seconds of training; None if nothing raced.

    A line for each backend, with the band of its seeds.
    """
    by_backend = grouped(filter(has_raced, rows), lambda row: row.backend)
    lines = tuple(line for group in by_backend.values() if (line := _line(group)) is not None)
    if not lines:
        return None
    row, target = rows[0], rows[0].target
    ends = [
        target.value,
        *(end for line in lines for end in (*line.low, *line.high) if end is not None),
    ]
    if target.goal == "accuracy":
        ticks = [tenth / 10 for tenth in range(floor(10 * min(*ends, 0.9)), 11)]
        y = Axis(
            title="test accuracy",
            low=ticks[0] - 0.03,  # so that a mark there is whole
            high=1.0,
            ticks=tuple((value, percent(value, 0)) for value in ticks),
            is_linear=True,
        )
    else:
        y = log_axis(ends, digits, 10, "test loss")
    reached = (target.value, y.high) if target.goal == "accuracy" else (y.low, target.value)
    return LineFigure(
        alt=f"test {target.goal} of {row.problem} over {x_title}, logarithmic, "
        f"{row.dtype}: " + "; ".join(f"{line.label} {line.texts[-1]}" for line in lines),
        caption="Each mark is an evaluation of the test set. Lines are medians over the seeds; "
        f"bands reach from the lowest to the highest. Grey: {target} is reached.",
        height=440,
        x=log_axis([x for line in lines for x in line.x], tick, 10, x_title),
        y=y,
        lines=lines,
        stretches=(Stretch("y", *reached, "interval"),),
    )


def _parts(runs: Sequence[RaceRun], row: RaceRow, x_title: str) -> BarFigure | None:
    """Draw the parts of the time to the target as bars; None if nothing reached it."""
    timed = [run for run in runs if run.seconds is not None]
    bars = [
        Bar(
            backend=run.backend,
            part=part,
            length=seconds,
            text=f"{run.backend}: {part} {duration(seconds)}",
        )
        for run in timed
        for part, seconds in _stages(run)
    ]
    if not bars:
        return None
    return BarFigure(
        alt=f"{row.problem} to {row.target} from a cold start, part by part: "
        + "; ".join(bar.text for bar in bars),
        caption="Medians over the seeds, in the order in which they run. The table has the time "
        "to the target with its interval.",
        height=62 * len(timed) + 110,
        x_title=x_title,
        rows=tuple(run.backend for run in timed),
        bars=tuple(bars),
    )


def _stages(run: RaceRun) -> Iterator[tuple[str, float]]:
    """Yield the parts of a time to the target that take over 0 seconds, in their order."""
    data, setup = run.data_seconds or 0.0, run.parts["setup"] or 0.0
    every = (
        ("Python and imports", run.parts["import"] or 0.0),
        ("loading the data", data),
        ("setup", max(0.0, setup - data)),
        ("training to the target", run.parts["train"] or 0.0),
    )
    yield from ((part, seconds) for part, seconds in every if seconds > 0)


def _line(rows: Sequence[RaceRow]) -> Line | None:
    """Return a backend's score at each evaluation: the median of its seeds, lowest and highest.

    The time is the median of the seeds that still train, and never less than at the evaluation
    before, because only the quick seeds may be left. A seed that has ended keeps its last score.
    """
    target, trainings = rows[0].target, [trained(row, "warm")[1] for row in rows]
    value_text = percent if target.goal == "accuracy" else digits
    points, seconds = [], 0.0
    for index in range(max(len(training.checks) for training in trainings)):
        under_way = [
            training.checks[index].seconds for training in trainings if index < len(training.checks)
        ]
        seconds = max(seconds, median(under_way))
        latest = [training.checks[: index + 1][-1] for training in trainings]
        scores = [score for check in latest if (score := target.score_of(check)) is not None]
        # A logarithmic axis has no place for a time of 0, of a broken clock, and a loss of 0.
        if scores and seconds > 0 and (min(scores) > 0 or target.goal == "accuracy"):
            score = median(scores)
            epochs = max(check.iterations for check in latest) / rows[0].iterations_per_epoch
            text = f"{value_text(score)} after {duration(seconds)}, {digits(epochs)} epochs"
            points.append((seconds, score, min(scores), max(scores), text))
    if not points:
        return None
    step = ceil(len(points) / _POINTS)  # counted from the last: that one stays
    x, y, low, high, texts = zip(*points[::-step][::-1], strict=True)
    name = rows[0].backend
    return Line(backend=name, label=name, x=x, y=y, low=low, high=high, texts=texts)
