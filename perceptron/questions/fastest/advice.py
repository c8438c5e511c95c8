"""Advice from the rows of one run: whole trainings, measured side by side, and along which axis the
fastest backend changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

from msgspec import Struct
from msgspec.structs import asdict, replace

from perceptron.questions.crossover.judge import Crossover, crossovers
from perceptron.questions.fastest.judge import Advice, Candidate, choose
from perceptron.records.measurement import Measurement
from perceptron.statistics.contention import is_contended
from perceptron.statistics.interval import Interval, counted_rows, of_times, ratio_of, scaled
from perceptron.statistics.rough import TOO_BUSY, leads, not_decided
from perceptron.statistics.select import NOT_REACHED, has_time, prepared, reason, times
from perceptron.statistics.throughput import (
    TrainingLength,
    epoch_of,
    iterations_per_epoch,
    models_of,
)

NO_TIME = "no time was left to measure another size"
TEXTBOOK = "numpy-plain"
"""What most people's NumPy takes: it trains any single model as a textbook does."""


class Option(Struct, frozen=True, kw_only=True):
    """One backend on the problem; without times it has a ``reason``.

    ``training`` is the whole training in seconds, from a cold start: a setup, then iterations.
    ``ratio`` is that over the fastest backend's. ``rows_per_second`` are those trained on, of all
    models, without the setup.
    """

    backend: str
    device: str | None = None
    seconds_per_iteration: Interval | None = None
    seconds_per_epoch: Interval | None = None
    seconds_per_model: Interval | None = None
    """Of an iteration, shared out over the models that it is a step of; None for one model."""
    rows_per_second: Interval | None = None
    prepare_seconds: Interval | None = None
    training: Interval | None = None
    ratio: Interval | None = None
    reason: str | None = None


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
    """Why nothing is known of other sizes, where there are none."""


class ProblemAdvice(Advice, frozen=True, kw_only=True):
    """Advice from the rows of one run, with all else that these tell of the problem.

    ``options`` have more of each of the ``candidates``, in the same order. ``textbook`` is the time
    of a whole training in textbook NumPy over that of ``numpy``; None if it was not measured.
    """

    iterations_per_epoch: int
    """1 where each iteration takes all rows."""
    models: int = 1
    machine: str
    options: list[Option]
    changes: list[Change]
    textbook: Interval | None = None


class AdviceAxis(Struct, frozen=True, kw_only=True):
    """An axis through the problem: what varies in words, the problem's own size, the family.

    The family may have ``fewer_rows`` than the problem, which changes no iteration on a batch.
    """

    axis: str
    here: int
    family: str
    fewer_rows: bool = False


def rows_on(axis: AdviceAxis, rows: Iterable[Measurement], problem: str) -> list[Measurement]:
    """Return the rows on an axis, the problem's own among them with its size there.

    Those with fewer rows are made of as many as the problem: their setup takes as long.
    """
    rows = list(rows)
    own = [row for row in rows if row.problem == problem]
    beside = [row for row in rows if row.family == axis.family and row.problem != problem]
    if axis.fewer_rows and own:
        beside = [_with_rows_of(own, row) for row in beside]
    here = [
        replace(
            row,
            family=axis.family,
            size=axis.here,
            axes=beside[0].axes if beside else row.axes,
        )
        for row in own
    ]
    return [*here, *beside]


def has_other_sizes(axis: AdviceAxis, rows: Iterable[Measurement]) -> bool:
    """Return whether anything is known of a size on an axis beside the problem's own."""
    return any(row.size != axis.here for row in rows)


def _with_rows_of(own: Sequence[Measurement], row: Measurement) -> Measurement:
    start = list(prepared(own, row.backend).values())
    seconds = of_times(start).estimate if start else row.prepare_seconds
    # How many iterations its epochs have follows from the rows.
    return replace(row, rows=own[0].rows, iterations_per_epoch=None, prepare_seconds=seconds)


def advise(
    rows: Sequence[Measurement],
    backends: Sequence[str],
    problem: str,
    length: TrainingLength,
    axes: Iterable[tuple[AdviceAxis, Sequence[Measurement]]],
) -> ProblemAdvice:
    """Judge the rows of one problem, of one machine, dtype and number of threads.

    Rows of other problems are left out; ``axes`` have their own, as `rows_on` returns them. Raises
    ValueError if none are left.
    """
    rows = [row for row in rows if row.problem == problem]
    if not rows:
        raise ValueError(f"no rows of {problem}")
    trainings = whole_trainings(rows, length)
    measured = [name for name in backends if times(trainings, name)]
    ordered = sorted(measured, key=lambda name: _typical(trainings, name).estimate)
    names = list(dict.fromkeys((*ordered, *backends)))
    options = [_option(rows, trainings, name, ordered) for name in names]
    ratios = {one.backend: one.ratio for one in options[1:] if one.ratio}
    doubts = _doubts(rows, ordered, ratios)
    found = choose(
        [_candidate(one, doubts.get(one.backend)) for one in options],
        measured=max(row.when for row in rows),
        ratios=ratios,
    )
    rival = next((name for name, doubt in doubts.items() if doubt == TOO_BUSY), None)
    if rival is not None:
        pair = ordered[0], rival
        own, its = (_timed(trainings, name) for name in pair)
        rough = not_decided(leads(pair, own, its), [*own, *its])
        found = replace(found, sentence=rough, why=rough + found.why.removeprefix(found.sentence))
    asked = replace(
        found,
        problem=problem,
        iterations=length.of(rows[0]),
        epochs=length.epochs,
        dtype=rows[0].dtype or "unknown",
        threads=rows[0].all_threads or 0,
    )
    return ProblemAdvice(
        **asdict(asked),
        iterations_per_epoch=iterations_per_epoch(rows[0]),
        models=models_of(rows[0]),
        machine=rows[0].machine,
        options=options,
        changes=[
            _change(axis, on_axis, length, ordered[0], ordered[1:])
            for axis, on_axis in (axes if ordered else ())
        ],
        textbook=ratio_of(trainings, TEXTBOOK, "numpy"),
    )


def _candidate(option: Option, doubt: str | None) -> Candidate:
    training = option.training
    about = Candidate(
        backend=option.backend, device=option.device or "unknown", reason=option.reason, doubt=doubt
    )
    if training is None:
        return about
    once, each = option.prepare_seconds, option.seconds_per_iteration
    return replace(
        about,
        setup_seconds=0.0 if once is None else once.estimate,
        seconds_per_iteration=None if each is None else each.estimate,
        seconds=training.estimate,
        low=training.low,
        high=training.high,
        source="measured",
    )


def _doubts(
    rows: Sequence[Measurement], ordered: Sequence[str], ratios: Mapping[str, Interval]
) -> dict[str, str]:
    """Return why the first is not known to be the fastest, by the backend it is compared with.

    One reason is enough; there is none of what the intervals can tell.
    """
    for name in ordered[1:]:
        ratio = ratios.get(name)
        if ratio is not None and ratio.low is not None and (ratio.low > 1 or ratio.is_tie):
            continue
        pair = [row for row in rows if row.backend in (ordered[0], name) and has_time(row)]
        # Contended repeats beside enough idle ones have left nothing undecided.
        if any(map(is_contended, chain(*counted_rows(pair, name, ordered[0])))):
            return {name: TOO_BUSY}
        if ratio is None or ratio.low is None:
            return {name: f"{ordered[0]} and {name} were compared in one repeat"}
    return {}


def whole_trainings(rows: Iterable[Measurement], length: TrainingLength) -> list[Measurement]:
    """Return the rows with the time of a whole training: one setup, then the iterations.

    So many epochs are fewer iterations at a larger batch, and more on more rows.
    """
    return [
        row if row.seconds is None else _whole(row, length.of(row), row.prepare_seconds or 0.0)
        for row in rows
    ]


def _whole(row: Measurement, iterations: int, setup: float) -> Measurement:
    samples, dropped = (
        [one * iterations + setup for one in of] for of in (row.samples, row.dropped)
    )
    seconds = (row.seconds or 0.0) * iterations + setup
    return replace(row, seconds=seconds, samples=samples, dropped=dropped)


def _timed(rows: Iterable[Measurement], backend: str) -> list[Measurement]:
    return [row for row in rows if row.backend == backend and has_time(row)]


def _typical(rows: Iterable[Measurement], backend: str) -> Interval:
    return of_times(list(times(rows, backend).values()))


def _option(
    rows: Sequence[Measurement],
    trainings: Sequence[Measurement],
    backend: str,
    ordered: Sequence[str],
) -> Option:
    device = next((row.device for row in rows if row.backend == backend), None)
    if backend not in ordered:
        explanation = reason(rows, backend) or NOT_REACHED
        return Option(backend=backend, device=device, reason=explanation)
    start = list(prepared(rows, backend).values())
    iteration = _typical(rows, backend)
    models = models_of(rows[0])
    per_epoch, rows_of_epoch = iterations_per_epoch(rows[0]), _rows_of_epoch(rows[0])
    return Option(
        backend=backend,
        device=device,
        seconds_per_iteration=iteration,
        seconds_per_epoch=scaled(iteration, per_epoch),
        seconds_per_model=None if models == 1 else scaled(iteration, 1 / models),
        rows_per_second=None
        if rows_of_epoch is None
        else _rate(rows_of_epoch, scaled(iteration, per_epoch)),
        prepare_seconds=of_times(start) if start else None,
        training=_typical(trainings, backend),
        ratio=ratio_of(trainings, backend, ordered[0]),
    )


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
    axis: AdviceAxis,
    rows: Sequence[Measurement],
    length: TrainingLength,
    best: str,
    others: Sequence[str],
) -> Change:
    sizes = [row.size for row in rows]
    return Change(
        axis=axis.axis,
        here=axis.here,
        low=min(sizes, default=axis.here),
        high=max(sizes, default=axis.here),
        crossovers=crossovers(whole_trainings(rows, length), [(best, other) for other in others]),
        reason=None if has_other_sizes(axis, rows) else NO_TIME,
    )
