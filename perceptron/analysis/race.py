"""A race judged: a line for each backend, dtype and start, which is first, and the curves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import exp
from statistics import median
from typing import Literal, NamedTuple

from msgspec import Struct

from perceptron.analysis.censored_median import median_of
from perceptron.analysis.contention import lost_by_waiting
from perceptron.analysis.interval import TIE
from perceptron.analysis.trust import failure_warnings
from perceptron.records.measurement import largest_waited
from perceptron.records.race import Check, Goal, RaceRow, Training
from perceptron.records.warning import MeasurementWarning

RaceStart = Literal["fresh", "resident"]
STARTS: tuple[RaceStart, ...] = ("fresh", "resident")
NOTHING = "no seed was run"
# Of the trainings: a single one that waited says little about seven.
_LARGEST_WAITED_PART = 0.1


class Competitor(NamedTuple):
    """What races: a backend that computes in a dtype."""

    backend: str
    dtype: str


class Parts(Struct, frozen=True, rename={"importing": "import"}):
    """The parts of the time, in seconds: medians over the seeds, each of its own."""

    importing: float | None
    """Starting the interpreter and importing; 0 of a resident start."""
    prepare: float | None
    """Data, copies and compilation; 0 of a resident start."""
    train: float | None
    """None where fewer than half of the seeds reach the target."""


class RaceRun(Struct, frozen=True, kw_only=True):
    """The result of one backend in one dtype from one start."""

    backend: str
    dtype: str
    start: RaceStart
    seeds: int
    """That raced."""
    reached: int
    """That reached the target."""
    seconds: float | None
    """Median to the target; None where fewer than half of the seeds reach it."""
    low: float | None
    """Had no thread waited for a core; None where it has no bound or is not known."""
    high: float | None
    epochs: float | None
    """Median that it took; None as ``seconds``."""
    parts: Parts
    data_seconds: float | None
    """Of ``prepare``, to load the data into host memory: the same for every backend."""
    prepared_from_cache: bool
    """Whether more than half of the seeds found on disk what they would have compiled."""
    modules: list[str]
    """The libraries that the backend says it imports."""
    reason: str | None
    """Why it has no seeds, or why some are missing; None if it has all."""

    @property
    def competitor(self) -> Competitor:
        """Its backend and dtype."""
        return Competitor(self.backend, self.dtype)


def of_start(runs: Iterable[RaceRun], start: RaceStart) -> list[RaceRun]:
    """Return the lines of one start, the fastest first; those without a median come last."""
    own = [run for run in runs if run.start == start]
    return sorted(own, key=lambda run: (run.seconds is None, run.seconds or 0.0))


def race_runs(rows: Sequence[RaceRow], competitors: Iterable[Competitor]) -> list[RaceRun]:
    """Judge rows of one ground: a line for each competitor and start, named in their order.

    Where a race was cut, the seeds that only some had time for are left out: all have raced the
    same. A competitor that failed keeps none of the others from theirs.
    """
    wanted = list(dict.fromkeys([*competitors, *(_competitor(row) for row in rows)]))
    by_competitor: dict[Competitor, list[RaceRow]] = {name: [] for name in wanted}
    for row in rows:
        by_competitor[_competitor(row)].append(row)
    common = _common_seeds(by_competitor.values())
    return [
        _judged(name, own, start, common) for start in STARTS for name, own in by_competitor.items()
    ]


def race_warnings(rows: Iterable[RaceRow]) -> list[MeasurementWarning]:
    """Return warnings of failures, and one if threads of many trainings had to wait for a core."""
    rows = list(rows)
    warnings = failure_warnings(
        (row.backend, row.problem, row.reason) for row in rows if row.status == "failed"
    )
    known = contended = 0
    for row in rows:
        for training in (row.fresh, row.resident):
            if training is not None and training.waited is not None:
                known += 1
                contended += training.waited > largest_waited(row.all_threads, row.processes)
    if contended <= _LARGEST_WAITED_PART * known:
        return warnings
    return [
        *warnings,
        MeasurementWarning(
            code="contended",
            message=f"the threads of {contended:,} of {known:,} trainings waited for a core",
            advice="end other programs, or run again with --wait to wait for idle cores",
        ),
    ]


class First(NamedTuple):
    """The first from one start, and those that may be as fast."""

    run: RaceRun
    undecided: list[RaceRun]
    """Those whose interval overlaps with that of the first."""


def first_of(runs: Sequence[RaceRun]) -> First | None:
    """Return the first among lines of one start; None where none has a median."""
    there = sorted(
        (run for run in runs if run.seconds is not None), key=lambda run: run.seconds or 0.0
    )
    if not there:
        return None
    first, *others = there
    return First(first, [other for other in others if _overlap(first, other)])


def is_tie(runs: Sequence[RaceRun]) -> bool:
    """Return whether all have an interval, and medians within 5% of the fastest."""
    seconds = [run.seconds for run in runs if None not in (run.seconds, run.low, run.high)]
    known = [value for value in seconds if value is not None]
    return len(known) == len(runs) and max(known) <= min(known) * exp(TIE)


def has_raced(row: RaceRow) -> bool:
    """Return whether a row holds both trainings; rows of other machines may not."""
    return row.status == "ok" and None not in (
        *(row.fresh, row.resident),
        *(row.import_seconds, row.prepare_seconds),
    )


class RacePoint(Struct, frozen=True):
    """One more evaluation of the test set: its median time, and its scores over the seeds."""

    seconds: float
    """Of the seeds that are still training."""
    value: float
    """The median; a seed that has ended keeps its last score."""
    low: float
    """The lowest of any seed."""
    high: float
    epochs: float


def race_curves(
    rows: Iterable[RaceRow], start: RaceStart, goal: Goal
) -> dict[Competitor, list[RacePoint]]:
    """Return the evaluations of each competitor that has raced, in order."""
    by_competitor: dict[Competitor, list[RaceRow]] = {}
    for row in rows:
        if has_raced(row):
            by_competitor.setdefault(_competitor(row), []).append(row)
    return {name: _points(own, start, goal) for name, own in by_competitor.items()}


def _competitor(row: RaceRow) -> Competitor:
    return Competitor(row.backend, row.dtype)


def _common_seeds(groups: Iterable[Sequence[RaceRow]]) -> set[int] | None:
    """Return the seeds that every competitor without a failure has; None where all failed."""
    sound = [
        {row.seed for row in rows}
        for rows in groups
        if rows and all(has_raced(row) for row in rows)
    ]
    return set.intersection(*sound) if sound else None


def _judged(
    name: Competitor, rows: Sequence[RaceRow], start: RaceStart, common: set[int] | None
) -> RaceRun:
    raced = [row for row in rows if has_raced(row) and (common is None or row.seed in common)]
    trainings = _trainings(raced, start)
    ends = [training.checks[-1] for _, training in trainings]
    reached = [row.target.is_reached(end) for row, end in zip(raced, ends, strict=True)]
    # Of the training, had no thread waited for a core; 0 where that is not known.
    least_ends = [
        end.seconds * exp(-lost_by_waiting(training.waited, row.all_threads, row.processes))
        for row, (_, training), end in zip(raced, trainings, ends, strict=True)
    ]
    begins = [before for before, _ in trainings]
    whole = median_of([a + b.seconds for a, b in zip(begins, ends, strict=True)], reached)
    least = median_of([a + b for a, b in zip(begins, least_ends, strict=True)], reached)
    train = median_of([end.seconds for end in ends], reached)
    epochs = median_of(
        [end.iterations / row.iterations_per_epoch for row, end in zip(raced, ends, strict=True)],
        reached,
    )
    fresh = start == "fresh"
    return RaceRun(
        backend=name.backend,
        dtype=name.dtype,
        start=start,
        seeds=len(raced),
        reached=sum(reached),
        seconds=None if whole is None else whole.estimate,
        low=None if least is None else least.low or None,
        high=None if whole is None else whole.high,
        epochs=None if epochs is None else epochs.estimate,
        parts=Parts(
            importing=_median(row.import_seconds if fresh else 0.0 for row in raced),
            prepare=_median(row.prepare_seconds if fresh else 0.0 for row in raced),
            train=None if train is None else train.estimate,
        ),
        data_seconds=_median(row.data_seconds if fresh else 0.0 for row in raced),
        prepared_from_cache=2 * sum(row.prepared_from_cache is True for row in raced) > len(raced),
        modules=list(dict.fromkeys(module for row in raced for module in row.modules)),
        reason=_reason(rows, len(raced)),
    )


def _trainings(raced: Iterable[RaceRow], start: RaceStart) -> list[tuple[float, Training]]:
    """Return the seconds until training began, and the training, of each row that `has_raced`."""
    trainings = []
    for row in raced:
        assert row.fresh is not None
        assert row.resident is not None
        before = (row.import_seconds or 0.0) + (row.prepare_seconds or 0.0)
        trainings.append((before, row.fresh) if start == "fresh" else (0.0, row.resident))
    return trainings


def _reason(rows: Sequence[RaceRow], raced: int) -> str | None:
    lost = [row for row in rows if not has_raced(row)]
    if lost:
        why = lost[0].reason or "incomplete"
        return f"seed {lost[0].seed}: {why}" if raced else why
    return None if rows else NOTHING


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def _overlap(first: RaceRun, other: RaceRun) -> bool:
    """Return whether two intervals overlap; an open end reaches everywhere."""
    return first.high is None or other.low is None or first.high >= other.low


def _points(rows: Sequence[RaceRow], start: RaceStart, goal: Goal) -> list[RacePoint]:
    evaluated = [(before, training.checks) for before, training in _trainings(rows, start)]
    points: list[RacePoint] = []
    for index in range(max(len(checks) for _, checks in evaluated)):
        under_way = [(before, checks[index]) for before, checks in evaluated if index < len(checks)]
        seen = [_value(checks[min(index, len(checks) - 1)], goal) for _, checks in evaluated]
        known = [value for value in seen if value is not None]
        if not known:
            continue
        seconds = median(before + check.seconds for before, check in under_way)
        points.append(
            RacePoint(
                # Those that are left may be the quick ones.
                seconds=max(seconds, points[-1].seconds) if points else seconds,
                value=median(known),
                low=min(known),
                high=max(known),
                epochs=under_way[0][1].iterations / rows[0].iterations_per_epoch,
            )
        )
    return points


def _value(check: Check, goal: Goal) -> float | None:
    return check.accuracy if goal == "accuracy" else check.loss
