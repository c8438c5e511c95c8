"""Advice from the rows of one run: whole trainings measured side by side, and crossovers on axes.

The answer has a verdict on the problem, one for each axis with a crossover, and tables.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict, replace

from perceptron.answer import Answer, Figure, Note, Table, Verdict
from perceptron.numbers import (
    Cell,
    Quantity,
    count,
    enumerated,
    times_as_long,
)
from perceptron.options import more_time
from perceptron.questions.crossover.figures import sweep_figure
from perceptron.questions.crossover.judge import Crossover, crossovers
from perceptron.questions.crossover.sweep import sweeps
from perceptron.questions.crossover.verdict import sentence, verdict
from perceptron.questions.fastest.judge import Advice, Candidate, choose
from perceptron.questions.shared.ranking_sentence import next_of, reasons, takes
from perceptron.questions.shared.training import training_words
from perceptron.records.measurement import Measurement
from perceptron.records.run import BudgetUse
from perceptron.statistics.interval import Interval, of_times, scaled
from perceptron.statistics.over_processes import threads_in_all
from perceptron.statistics.ranking import Ranking, rank_rows
from perceptron.statistics.rough import rough_lead
from perceptron.statistics.select import NOT_REACHED, has_time, prepared, reason, times
from perceptron.statistics.sessions import Start, intervals_of, ratio_of
from perceptron.statistics.throughput import (
    TrainingLength,
    epoch_of,
    iterations_per_epoch,
    models_of,
)
from perceptron.statistics.trust import budget_for

NO_TIME = "no time was left to measure another size"
TEXTBOOK = "numpy-plain"
"""The backend that trains a single model in NumPy as textbooks write it."""


class Option(Candidate, frozen=True, kw_only=True):
    """One backend on the problem, with the intervals of the parts of its time."""

    setup: Interval | None = None
    """Seconds of the setup."""
    per_iteration: Interval | None = None
    """Seconds."""
    per_epoch: Interval | None = None
    """Seconds."""
    per_model: Interval | None = None
    """Seconds of an iteration per model; None for one model."""
    rows_per_second: Interval | None = None
    """Rows trained on per second, of all models together, without the setup."""


class Change(Struct, frozen=True, kw_only=True):
    """Whether the fastest backend changes along one axis, ``axis`` in words.

    ``crossovers`` compare whole trainings, with the fastest backend as the incumbent and each of
    the others as the challenger; ``low`` and ``high`` are the smallest and largest size measured.
    """

    axis: str
    here: int
    """The problem's own size on this axis."""
    low: float
    high: float
    crossovers: list[Crossover]
    reason: str | None = None
    """Why no other size was measured; None if one was."""


class ProblemAdvice(Advice, frozen=True, kw_only=True):
    """Advice from the rows of one run, with the crossovers along axes through the problem."""

    candidates: tuple[Option, ...]
    iterations_per_epoch: int
    """1 if each iteration takes all rows."""
    models: int = 1
    machine: str
    changes: list[Change]
    textbook: Interval | None = None
    """Time of a whole training in textbook NumPy over that of ``numpy``; None if not measured."""


class AdviceAxis(Struct, frozen=True, kw_only=True):
    """An axis through the problem: its name, the problem's size on it, and the family.

    The family may have ``fewer_rows`` than the problem, which does not change an iteration on a
    batch.
    """

    axis: str
    here: int
    family: str
    fewer_rows: bool = False


def rows_on(axis: AdviceAxis, rows: Iterable[Measurement], problem: str) -> list[Measurement]:
    """Return the rows on an axis, including those of the problem with its size on the axis.

    Rows of a family with fewer rows get the problem's number of rows and setup time.
    """
    rows = list(rows)
    of_problem = [row for row in rows if row.problem == problem]
    beside = [row for row in rows if row.family == axis.family and row.problem != problem]
    if axis.fewer_rows and of_problem:
        beside = [_with_rows_of(of_problem, row) for row in beside]
    here = [
        replace(
            row,
            family=axis.family,
            size=axis.here,
            axes=beside[0].axes if beside else row.axes,
        )
        for row in of_problem
    ]
    return [*here, *beside]


def has_other_sizes(axis: AdviceAxis, rows: Iterable[Measurement]) -> bool:
    """Return whether any row has another size on the axis than the problem."""
    return any(row.size != axis.here for row in rows)


def _with_rows_of(of_problem: Sequence[Measurement], row: Measurement) -> Measurement:
    start = list(prepared(of_problem, row.backend).values())
    seconds = of_times(start).estimate if start else row.prepare_seconds
    # The number of iterations of an epoch follows from the rows.
    return replace(row, rows=of_problem[0].rows, iterations_per_epoch=None, prepare_seconds=seconds)


def advise(
    rows: Sequence[Measurement],
    backends: Sequence[str],
    problem: str,
    length: TrainingLength,
    axes: Iterable[tuple[AdviceAxis, Sequence[Measurement]]],
    others: Iterable[Measurement] = (),
) -> ProblemAdvice:
    """Judge the rows of one problem, of one machine, dtype and number of threads.

    Rows of other problems are skipped; ``axes`` come with their rows, as from `rows_on`. The
    ranking also uses the ``others`` of other sessions; times are of ``rows`` alone. Raises
    ValueError if there are no rows of the problem.
    """
    rows = [row for row in rows if row.problem == problem]
    if not rows:
        raise ValueError(f"no rows of {problem}")
    trainings = whole_trainings(rows, length)
    absent = {
        name: reason(rows, name) or NOT_REACHED for name in backends if not times(trainings, name)
    }
    timed = {row.backend for row in filter(has_time, trainings)}
    beside = [row for row in others if row.problem == problem and row.backend in timed]
    together = [*trainings, *whole_trainings(beside, length)]
    ranking = rank_rows(together, backends)
    options = [_option(rows, trainings, name) for name in ranking.order]
    options += [
        Option(backend=name, device=_device(rows, name), reason=why) for name, why in absent.items()
    ]
    advice = choose(options, ranking, measured=max(row.when for row in rows))
    if advice.how_decided == "no" and (rough := rough_lead(trainings, ranking)) is not None:
        advice = replace(
            advice, sentence=rough, why=rough + advice.why.removeprefix(advice.sentence)
        )
    advice = replace(
        advice,
        problem=problem,
        iterations=length.of(rows[0]),
        epochs=length.epochs,
        dtype=rows[0].dtype or "unknown",
        threads=rows[0].all_threads or 0,
    )
    return ProblemAdvice(
        **asdict(advice),
        iterations_per_epoch=iterations_per_epoch(rows[0]),
        models=models_of(rows[0]),
        machine=rows[0].machine,
        changes=[
            _change(axis, on_axis, length, ranking)
            for axis, on_axis in (axes if ranking.order else ())
        ],
        textbook=ratio_of(together, TEXTBOOK, "numpy"),
    )


def whole_trainings(rows: Iterable[Measurement], length: TrainingLength) -> list[Measurement]:
    """Return the rows with the time of a whole training: one setup, then the iterations.

    The number of iterations of an epoch depends on rows and batch.
    """
    return [
        row if row.seconds is None else _whole(row, length.of(row), row.prepare_seconds or 0.0)
        for row in rows
    ]


def _whole(row: Measurement, iterations: int, setup: float) -> Measurement:
    samples, dropped = (
        [sample * iterations + setup for sample in values] for values in (row.samples, row.dropped)
    )
    seconds = (row.seconds or 0.0) * iterations + setup
    return replace(row, seconds=seconds, samples=samples, dropped=dropped)


def _option(rows: Sequence[Measurement], trainings: Sequence[Measurement], backend: str) -> Option:
    """Return the candidate of a backend with a time."""
    training, iteration = (
        of_times(list(times(measured, backend).values())) for measured in (trainings, rows)
    )
    start = list(prepared(rows, backend).values())
    setup = of_times(start) if start else None
    models = models_of(rows[0])
    epoch, rows_of_epoch = scaled(iteration, iterations_per_epoch(rows[0])), _rows_of_epoch(rows[0])
    return Option(
        backend=backend,
        device=_device(rows, backend),
        seconds=training.estimate,
        low=training.low,
        high=training.high,
        source="measured",
        setup_seconds=0.0 if setup is None else setup.estimate,
        seconds_per_iteration=iteration.estimate,
        setup=setup,
        per_iteration=iteration,
        per_epoch=epoch,
        per_model=None if models == 1 else scaled(iteration, 1 / models),
        rows_per_second=None if rows_of_epoch is None else _rate(rows_of_epoch, epoch),
    )


def _device(rows: Iterable[Measurement], backend: str) -> str:
    return next((row.device for row in rows if row.backend == backend and row.device), "unknown")


def _rows_of_epoch(row: Measurement) -> int | None:
    epoch = epoch_of(row)
    if epoch is not None:
        return epoch.rows
    return None if row.rows is None else models_of(row) * row.rows


def _rate(rows: int, seconds: Interval) -> Interval:
    """Return rows per second; the longest time is the lowest rate."""
    low, high = (None if end is None else rows / end for end in (seconds.high, seconds.low))
    return Interval(rows / seconds.estimate, low, high)


def _change(
    axis: AdviceAxis, rows: Sequence[Measurement], length: TrainingLength, ranking: Ranking
) -> Change:
    sizes = [row.size for row in rows]
    best, *others = ranking.order

    def ratio_at(challenger: str, size: float) -> Interval | None:
        # The sizes of an axis share their variances and hold together, so that the same rows may
        # give a narrower or wider interval than the answer's.
        return ranking.ratios.get(challenger) if size == axis.here else None

    pairs = [(best, other) for other in others]
    return Change(
        axis=axis.axis,
        here=axis.here,
        low=min(sizes, default=axis.here),
        high=max(sizes, default=axis.here),
        crossovers=crossovers(whole_trainings(rows, length), pairs, ratio_at),
        reason=None if has_other_sizes(axis, rows) else NO_TIME,
    )


# --- in words ------------------------------------------------------------------------------------


def answer_of(
    advice: ProblemAdvice,
    row: Measurement,
    budget: BudgetUse | None,
    starts: Collection[Start] = (None,),
) -> Answer:
    """Return the answer; ``row`` is any row of the problem, ``budget`` the seconds of the run."""
    how = training_words(row)
    threads = threads_in_all(advice.threads, (option.backend for option in advice.candidates))
    setting = ", ".join(filter(None, (advice.machine, threads, advice.dtype, how)))
    heading = f"{setting}; {intervals_of(starts)}"
    notes = []
    if (ratio := advice.textbook) is not None:
        longer = times_as_long(ratio.estimate, ratio.low, ratio.high, "numpy")
        notes = [Note(f"Textbook NumPy ({TEXTBOOK}) takes {longer}.")]
    more = budget_for(budget.seconds) if budget else more_time()
    on_problem = Verdict(
        subject=advice.problem,
        decided=advice.how_decided,
        sentence=advice.sentence,
        notes=_notes(advice, more),
        heading=heading,
    )
    # Other sizes do not answer for the problem itself: only the table has them.
    changes = [] if on_problem.decided == "no" else advice.changes
    return Answer(
        question=_question(advice),
        query=(("Problem", advice.problem),),
        conditions=(("dtype", advice.dtype), ("Threads", str(advice.threads))),
        measured=f", {threads}, {advice.dtype}{f', {how}' if how else ''}",
        verdicts=(
            on_problem,
            *(
                replace(verdict(pair), subject=change.axis, heading=heading, is_aside=True)
                for change in changes
                for pair in change.crossovers
                if pair.crossings
            ),
        ),
        notes=tuple(notes),
        tables=(
            _options(advice),
            *((_changes(advice),) if advice.changes else ()),
        ),
        backends=tuple(option.backend for option in advice.candidates),
        data=document(advice),
    )


def document(advice: ProblemAdvice) -> dict[str, Any]:
    """Return the advice as ``--json`` prints it."""
    data = asdict(advice)
    del data["measured"]
    return {**data, "decided": advice.how_decided, "measured_at": advice.measured}


def figures(
    advice: ProblemAdvice, axes: Iterable[Sequence[Measurement]], length: TrainingLength
) -> tuple[Figure, ...]:
    """Return a figure of the whole training's time along each axis with several sizes."""
    drawn = []
    for change, rows in zip(advice.changes, axes, strict=False):
        for sweep in sweeps(whole_trainings(rows, length))[:1]:
            curves = [
                # Epochs and models divide the time of an iteration, not that of a training.
                replace(
                    curve, spots=[replace(point, epoch=None, models=1) for point in curve.spots]
                )
                for curve in sweep.curves
            ]
            drawing = sweep_figure(curves, change.crossovers, change.axis, "whole training")
            drawn.append(Figure(title=_question(advice), drawing=drawing))
    return tuple(drawn)


def _question(advice: ProblemAdvice) -> str:
    return f"advise for {advice.problem}"


# --- what would decide it ------------------------------------------------------------------------


def _notes(advice: ProblemAdvice, more: str) -> tuple[str, ...]:
    """Return notes on why the problem or an axis is undecided, and the option that may help."""
    if advice.seconds is None:
        return ()
    doubts = {option.backend: option.doubt for option in advice.candidates if option.doubt}
    if not advice.decided:
        noisy = [
            takes(option.backend, option.ratio_to_fastest)
            for option in advice.candidates
            if option.doubt == "too noisy" and option.ratio_to_fastest
        ]
        why = ", and ".join(reasons(advice.backend, doubts))
        following = f"next: {next_of(doubts.values(), advice.threads, more)}"
        line = f"why: {why}; {following}" if why else following
        return (*((f"undecided: {', '.join(noisy)}",) if noisy else ()), line)
    late = [change.axis for change in advice.changes if change.reason]
    if not late:
        return ()
    sizes = f"other sizes, as no time was left to vary {enumerated(late)}"
    return (f"undecided: {sizes}; next: {more}",)


# --- the tables ----------------------------------------------------------------------------------


def _options(advice: ProblemAdvice) -> Table:
    """Return the table of the backends, the fastest first; those that cannot run state why."""

    def cells(option: Option) -> dict[str, Cell]:
        rate = option.rows_per_second
        epoch: dict[str, Cell] = {
            "per epoch": _time(option.per_epoch),
            "throughput>": None if rate is None else Quantity(rate.estimate, "rows/s"),
        }
        return {
            "whole training": None
            if option.seconds is None
            else Quantity(option.seconds, "s", (option.low, option.high)),
            "× the fastest": 1
            if option is advice.candidates[0]
            else _ratio(option.ratio_to_fastest),
            "setup": _time(option.setup),
            "per iteration": _time(option.per_iteration),
            **({"per model": _time(option.per_model)} if advice.models > 1 else {}),
            **(epoch if advice.iterations_per_epoch > 1 else {}),
        }

    length = f"{count(advice.iterations)} iterations"
    if advice.epochs is not None:
        length = "1 epoch" if advice.epochs == 1 else f"{count(advice.epochs)} epochs"
    columns = tuple(cells(advice.candidates[0]))
    none = [None] * (len(columns) - 1)
    return Table(
        title=f"{advice.problem}; the whole training: {length} from a cold start",
        columns=("backend", *columns),
        rows=tuple(
            (option.backend, f"not measured: {option.reason}", *none)
            if option.seconds is None
            else (option.backend, *cells(option).values())
            for option in advice.candidates
        ),
    )


def _changes(advice: ProblemAdvice) -> Table:
    """Return the table of axes and pairs, with the measured sizes and the answer.

    An axis without other sizes has a row with the reason.
    """
    rows: list[tuple[str, ...]] = []
    for change in advice.changes:
        low, high = (count(round(end)) for end in (change.low, change.high))
        sizes = f"{low} only" if low == high else f"{low}–{high}"
        if change.reason:
            rows.append((change.axis, sizes, "no", f"not measured: {change.reason}"))
            continue
        for pair in change.crossovers:
            answer = sentence(pair)
            if pair.sizes_measured == [change.here]:
                answer = f"not measured: {pair.challenger} has no other size"
            rows.append((change.axis, sizes, pair.decided, answer))
    return Table(
        title="Where that changes",
        columns=("axis", "measured", "decided", "answer"),
        rows=tuple(rows),
    )


def _time(seconds: Interval | None) -> Cell:
    return None if seconds is None else Quantity(seconds.estimate, "s", seconds.ends)


def _ratio(ratio: Interval | None) -> Cell:
    if ratio is not None and ratio.low is ratio.high is None:
        return Quantity(ratio.estimate, after=", undecided")
    return None if ratio is None else Quantity(ratio.estimate, "", ratio.ends)
