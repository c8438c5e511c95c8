"""A race judged: how long each backend took from either start, and which is first."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from math import exp
from statistics import median
from typing import Literal

import numpy as np
from msgspec import Struct

from perceptron.grouping import grouped
from perceptron.options import again_when_idle
from perceptron.records.measurement import largest_waited
from perceptron.records.race import RaceRow, Training
from perceptron.records.warning import MeasurementWarning
from perceptron.statistics.contention import CONTENDED, lost_by_waiting
from perceptron.statistics.interval import TIE, Interval
from perceptron.statistics.trust import failure_warnings

RaceStart = Literal["fresh", "resident"]
"""A cold start or warm: the training of a row that bears this name."""
NOTHING = "no seed was run"
# Of the trainings: a single one that waited says little about seven.
_LARGEST_WAITED_PART = 0.1
# What products of fractions may miss a half by.
_ROUNDING = 1e-9


class RaceRun(Struct, frozen=True, kw_only=True):
    """The result of one backend in one dtype from one start."""

    backend: str
    dtype: str
    start: RaceStart
    seeds: int
    """That raced."""
    reached: int
    seconds: float | None
    """Median to the target; None where fewer than half of the seeds reach it."""
    low: float | None
    """Had no thread waited for a core; None where it has no bound or is not known."""
    high: float | None
    epochs: float | None
    """Median, None as ``seconds``."""
    parts: dict[str, float | None]
    """Seconds to ``import``, to ``prepare`` and to ``train``: medians over the seeds, each of its
    own; the last is None as ``seconds``."""
    data_seconds: float | None
    """Of ``prepare``, to load the data into host memory: the same for every backend."""
    prepared_from_cache: bool
    """Whether more than half of the seeds found on disk what they would have compiled."""
    modules: list[str]
    reason: str | None
    """Why it has no seeds, or why some are missing."""


def has_raced(row: RaceRow) -> bool:
    """Return whether a row holds both trainings; rows of other machines may not."""
    held = (row.fresh, row.resident, row.import_seconds, row.prepare_seconds)
    return row.status == "ok" and None not in held


def trained(row: RaceRow, start: RaceStart) -> tuple[float, Training]:
    """Return the seconds until a training began, and the training, of a row that `has_raced`."""
    before = (row.import_seconds or 0.0) + (row.prepare_seconds or 0.0)
    training: Training = getattr(row, start)
    return (before if start == "fresh" else 0.0), training


def race_runs(
    rows: Sequence[RaceRow], competitors: Iterable[tuple[str, str]] = ()
) -> list[RaceRun]:
    """Judge rows of one ground: a result for each backend and dtype, named in order, and start.

    Where a race was cut, the seeds that only some had time for are left out: all have raced the
    same. A competitor that failed keeps none of the others from theirs.
    """
    groups: dict[tuple[str, str], list[RaceRow]] = {name: [] for name in competitors}
    groups |= grouped(rows, lambda row: (row.backend, row.dtype))
    seeds = [
        {row.seed for row in own} for own in groups.values() if own and all(map(has_raced, own))
    ]
    # Where all have failed, each counts with what it has.
    common = set.intersection(*seeds) if seeds else {row.seed for row in rows}
    starts: tuple[RaceStart, ...] = ("fresh", "resident")
    return [_judged(*name, own, start, common) for start in starts for name, own in groups.items()]


def _judged(
    backend: str, dtype: str, rows: Sequence[RaceRow], start: RaceStart, common: set[int]
) -> RaceRun:
    raced = [row for row in rows if has_raced(row) and row.seed in common]
    reached, measured = [], []
    for row in raced:
        before, training = trained(row, start)
        end = training.checks[-1]
        waited = lost_by_waiting(training.waited, row.all_threads, row.processes, row.device)
        # Had no thread waited for a core; all of the time where that is not known.
        least = before + end.seconds * exp(-waited)
        epochs = end.iterations / row.iterations_per_epoch
        reached.append(row.target.is_reached(end))
        measured.append((before + end.seconds, least, end.seconds, epochs))
    whole, shortest, train, of_epochs = (
        median_of(column, reached) for column in np.reshape(measured, (-1, 4)).T
    )

    def part(field: str) -> float | None:
        known = [value for row in raced if (value := getattr(row, field)) is not None]
        return (median(known) if start == "fresh" else 0.0) if known else None

    lost = [row for row in rows if not has_raced(row)]
    reason = None if rows else NOTHING
    if lost:
        why = lost[0].reason or "incomplete"
        reason = f"seed {lost[0].seed}: {why}" if raced else why
    return RaceRun(
        backend=backend,
        dtype=dtype,
        start=start,
        seeds=len(raced),
        reached=sum(reached),
        seconds=_estimate(whole),
        low=None if shortest is None else shortest.low or None,
        high=None if whole is None else whole.high,
        epochs=_estimate(of_epochs),
        parts={
            "import": part("import_seconds"),
            "setup": part("prepare_seconds"),
            "train": _estimate(train),
        },
        data_seconds=part("data_seconds"),
        prepared_from_cache=2 * sum(row.prepared_from_cache is True for row in raced) > len(raced),
        modules=list(dict.fromkeys(module for row in raced for module in row.modules)),
        reason=reason,
    )


def _estimate(found: Interval | None) -> float | None:
    return None if found is None else found.estimate


def of_start(runs: Iterable[RaceRun], start: RaceStart) -> list[RaceRun]:
    """Return the results of one start, the fastest first; those without a median come last."""
    own = [run for run in runs if run.start == start]
    return sorted(own, key=lambda run: (run.seconds is None, run.seconds or 0.0))


def leaders_of(runs: Iterable[RaceRun]) -> list[RaceRun]:
    """Return the first of lines as `of_start` sorts them, and those that may be as fast.

    Their intervals overlap with that of the first; an open end reaches everywhere. Nothing where
    none has a median.
    """
    timed = [run for run in runs if run.seconds is not None]
    return timed[:1] + [
        run
        for run in timed[1:]
        if timed[0].high is None or run.low is None or timed[0].high >= run.low
    ]


def is_tie(leaders: Sequence[RaceRun]) -> bool:
    """Return whether all have an interval, and medians within 5% of the fastest."""
    seconds = [run.seconds or 0.0 for run in leaders]
    have_ends = all(None not in (run.low, run.high) for run in leaders)
    return have_ends and max(seconds) <= min(seconds) * exp(TIE)


def race_warnings(rows: Sequence[RaceRow]) -> list[MeasurementWarning]:
    """Return warnings of failures, and one if threads of many trainings had to wait for a core."""
    warned = failure_warnings(
        (row.backend, row.problem, row.reason) for row in rows if row.status == "failed"
    )
    contended = [
        training.waited > largest_waited(row.all_threads, row.processes, row.device)
        for row in rows
        for training in (row.fresh, row.resident)
        if training is not None and training.waited is not None
    ]
    if sum(contended) > _LARGEST_WAITED_PART * len(contended):
        of = f"{sum(contended):,} of {len(contended):,} trainings"
        message = f"the threads of {of} waited for a core"
        advice = f"end other programs, or {again_when_idle()}"
        warned.append(MeasurementWarning(code=CONTENDED, message=message, advice=advice))
    return warned


# --- with censored seeds -------------------------------------------------------------------------


def median_of(times: Sequence[float] | np.ndarray, reached: Sequence[bool]) -> Interval | None:
    """Return the median of times at which a target was reached, or of when it was given up.

    Seeds that miss the target are censored at the limit: they take longer than that. Kaplan and
    Meier's estimate (J. Amer. Statist. Assoc. 53, 1958) of the share that is still under way is
    scipy's; the median is where it crosses a half, and its interval where the ends of the
    estimate's log-log interval do (Brookmeyer and Crowley, Biometrics 38, 1982).

    None where fewer than half reached it, whatever the estimate: it would count seeds that ended
    early like the others. A single time has no interval, and an end of the interval
    beyond all times is open.
    """
    # scipy.stats takes a while to import, and pages of other studies do without.
    from scipy.stats import CensoredData, ecdf

    ends, is_event = np.asarray(times, dtype=float), np.asarray(reached, dtype=bool)
    if not is_event.any() or 2 * is_event.sum() < len(ends):
        return None
    under_way = ecdf(CensoredData.right_censored(ends, ~is_event)).sf
    at, share = under_way.quantiles, under_way.probabilities
    middle = _first(at, share <= 0.5 + _ROUNDING)
    if middle is None:
        return None
    if share[at == middle][0] >= 0.5 - _ROUNDING:
        # One half exactly: the middle of the stretch to the next seed that reaches the target, or
        # to where the last one ended, as in R's `survfit`.
        later = ends[is_event & (ends > middle)]
        middle = (middle + float(later.min() if later.size else at[-1])) / 2
    if len(ends) == 1:
        return Interval(middle, None, None)
    with warnings.catch_warnings():
        # At a share of 1 or 0 it has none, which is no number and below nothing: the end is open.
        warnings.simplefilter("ignore", RuntimeWarning)
        interval = under_way.confidence_interval(0.95, method="log-log")
    low, high = (_first(at, end.probabilities <= 0.5) for end in (interval.low, interval.high))
    return Interval(middle, low, high)


def _first(at: np.ndarray, is_there: np.ndarray) -> float | None:
    return float(at[is_there][0]) if is_there.any() else None
