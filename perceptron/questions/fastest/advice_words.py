"""Advice in words: a verdict on the problem, one for each axis that changes it, and the tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec.structs import asdict, astuple, replace

from perceptron.answer import Answer, Figure, Note, Table, Verdict
from perceptron.numbers import (
    NONE,
    count,
    digits,
    duration_interval,
    enumerated,
    interval,
    rows_per_second,
    times_as_long,
)
from perceptron.options import more_time
from perceptron.questions.crossover.figures import sweep_figure
from perceptron.questions.crossover.sweep import sweeps
from perceptron.questions.crossover.verdict import decided, sentence, verdict
from perceptron.questions.fastest.advice import (
    TEXTBOOK,
    Option,
    ProblemAdvice,
    advise,
    whole_trainings,
)
from perceptron.questions.fastest.judge import takes
from perceptron.questions.shared.training import training_words
from perceptron.records.measurement import Measurement
from perceptron.records.run import BudgetUse
from perceptron.statistics.interval import Interval
from perceptron.statistics.over_processes import named, threads_in_all
from perceptron.statistics.rough import TOO_BUSY, what_helps
from perceptron.statistics.select import NOT_REACHED
from perceptron.statistics.throughput import TrainingLength
from perceptron.statistics.trust import budget_for


def told(found: ProblemAdvice, row: Measurement, budget: BudgetUse | None) -> Answer:
    """Say what was found; ``row`` is one of the problem, ``budget`` what it took of how much."""
    how = training_words(row)
    threads = threads_in_all(found.threads, (one.backend for one in found.options))
    heading = f"{_where(found, row)}; 95% intervals"
    notes = []
    if (ratio := found.textbook) is not None:
        takes = times_as_long(ratio.estimate, ratio.low, ratio.high, "numpy")
        notes = [Note(f"Textbook NumPy ({TEXTBOOK}) takes {takes}.")]
    own = _own_verdict(found, heading, budget)
    # What is known of other sizes does not answer for the problem itself: the table has it.
    changes = [] if own.decided == "no" else found.changes
    return Answer(
        question=_question(found),
        asked=(("Problem", found.problem),),
        ground=(("dtype", found.dtype), ("Threads", str(found.threads))),
        measured=f", {threads}, {found.dtype}{f', {how}' if how else ''}",
        verdicts=(
            own,
            *(
                replace(verdict(pair), subject=change.axis, heading=heading)
                for change in changes
                for pair in change.crossovers
                if pair.crossings
            ),
        ),
        notes=tuple(notes),
        tables=(
            _options(found),
            *((_changes(found),) if found.changes else ()),
        ),
        backends=tuple(one.backend for one in found.options),
        data=asdict(found),
    )


def fastest_of_iteration(
    rows: Sequence[Measurement], backends: Sequence[str], budget: BudgetUse | None
) -> Verdict | None:
    """Return which backend is the fastest in an iteration of a problem; None without a time.

    ``rows`` are all of one problem, on one ground.
    """
    # Of a training of one iteration without a setup.
    bare = [replace(row, prepare_seconds=None) for row in rows]
    length = TrainingLength(iterations=1)
    found = advise(bare, backends, rows[0].problem or "", length, ())
    if found.seconds is None:
        return None
    heading = f"{_where(found, rows[0])}, per iteration; 95% intervals"
    return replace(_own_verdict(found, heading, budget), subject=rows[0].family)


def _own_verdict(found: ProblemAdvice, heading: str, budget: BudgetUse | None) -> Verdict:
    return Verdict(
        subject=found.problem,
        decided="yes" if found.decided else "partly" if found.use else "no",
        sentence=found.sentence,
        notes=_notes(found, budget_for(budget.seconds) if budget else more_time()),
        heading=heading,
    )


def _where(found: ProblemAdvice, row: Measurement) -> str:
    threads = threads_in_all(found.threads, (one.backend for one in found.options))
    words = (found.machine, threads, found.dtype, training_words(row))
    return ", ".join(filter(None, words))


def figures(
    found: ProblemAdvice, axes: Iterable[Sequence[Measurement]], length: TrainingLength
) -> tuple[Figure, ...]:
    """Return the time of the whole training along each axis that has several sizes, by its rows."""
    drawn = []
    for change, rows in zip(found.changes, axes, strict=False):
        for along in sweeps(whole_trainings(rows, length))[:1]:
            curves = [
                # What follows from the time of an iteration does not from that of a training.
                replace(curve, spots=[replace(spot, epoch=None, models=1) for spot in curve.spots])
                for curve in along.curves
            ]
            drawing = sweep_figure(curves, change.crossovers, change.axis, "whole training")
            drawn.append(Figure(title=_question(found), drawing=drawing))
    return tuple(drawn)


def _question(found: ProblemAdvice) -> str:
    return f"advise for {found.problem}"


# --- what would tell more ------------------------------------------------------------------------


def _notes(found: ProblemAdvice, more: str) -> tuple[str, ...]:
    """Return what leaves the problem or an axis undecided, and the option that would tell."""
    if found.seconds is None:
        return ()
    if found.undecided:
        return (f"why: {found.undecided}; next: {_what_would_tell(found, more)}",)
    if found.in_doubt:
        ratios = {one.backend: one.ratio for one in found.options}
        doubtful = [one for one in found.candidates if one.backend in found.in_doubt]
        best = found.candidates[0]
        between = enumerated(named(one.backend) for one in (best, *doubtful))
        return (
            "undecided: " + ", ".join(takes(one, best, ratios[one.backend]) for one in doubtful),
            f"why: the repeats cannot separate {between}; next: {more}",
        )
    late = [named(one.backend) for one in found.options if one.reason == NOT_REACHED]
    late += [change.axis for change in found.changes if change.reason]
    return (f"why: no time was left for {enumerated(late)}; next: {more}",) if late else ()


def _what_would_tell(found: ProblemAdvice, more: str) -> str:
    if len(found.options) == 1:
        return "--backends with another one"
    if TOO_BUSY in (found.undecided or ""):
        return what_helps(found.threads)
    return f"{more} or --wait"


# --- the tables ----------------------------------------------------------------------------------


def _options(found: ProblemAdvice) -> Table:
    """Return a row for each backend, the fastest first; those that cannot run say why."""

    def cells(one: Option) -> dict[str, str]:
        rate = one.rows_per_second
        epoch = {
            "per epoch": _time(one.seconds_per_epoch),
            "throughput>": NONE if rate is None else rows_per_second(rate.estimate),
        }
        return {
            "per iteration": _time(one.seconds_per_iteration),
            **({"per model": _time(one.seconds_per_model)} if found.models > 1 else {}),
            **(epoch if found.iterations_per_epoch > 1 else {}),
            "setup": _time(one.prepare_seconds),
            "whole training": _time(one.training),
            "× the fastest": "1" if one is found.options[0] else _ratio(one.ratio),
        }

    length = f"{count(found.iterations)} iterations"
    if found.epochs is not None:
        length = "1 epoch" if found.epochs == 1 else f"{count(found.epochs)} epochs"
    columns = tuple(cells(found.options[0]))
    none = [NONE] * (len(columns) - 1)
    return Table(
        title=f"{found.problem}; the whole training: {length} from a cold start",
        on_page=f"The whole training: {length} from a cold start",
        columns=("backend", *columns),
        rows=tuple(
            (one.backend, f"not measured: {one.reason}", *none)
            if one.training is None
            else (one.backend, *cells(one).values())
            for one in found.options
        ),
    )


def _changes(found: ProblemAdvice) -> Table:
    """Return a row for each axis and pair: the sizes that were measured, and the answer.

    An axis of which nothing is known has one that says why.
    """
    rows: list[tuple[str, ...]] = []
    for change in found.changes:
        low, high = (count(round(end)) for end in (change.low, change.high))
        sizes = f"{low} only" if low == high else f"{low}–{high}"
        if change.reason:
            rows.append((change.axis, sizes, "no", f"not measured: {change.reason}"))
            continue
        for pair in change.crossovers:
            answer = sentence(pair)
            if pair.sizes_measured == [change.here]:
                answer = f"not measured: {pair.challenger} has no other size"
            rows.append((change.axis, sizes, decided(pair), answer))
    return Table(
        title="Where that changes",
        columns=("axis", "measured", "decided", "answer"),
        rows=tuple(rows),
    )


def _time(seconds: Interval | None) -> str:
    return NONE if seconds is None else duration_interval(*astuple(seconds))


def _ratio(ratio: Interval | None) -> str:
    if ratio is not None and ratio.low is ratio.high is None:
        return f"{digits(ratio.estimate)}, undecided"
    return NONE if ratio is None else interval(*astuple(ratio))
