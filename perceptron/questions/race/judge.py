"""Judge a race: the time of each backend from either start, and which is first."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import exp, log
from operator import attrgetter
from statistics import median
from typing import Literal, NamedTuple, get_args

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from perceptron.options import again_when_idle
from perceptron.records.grouping import grouped
from perceptron.records.measurement import largest_waited
from perceptron.records.race import RaceRow, Training, has_raced
from perceptron.records.row import was_killed
from perceptron.records.warning import MeasurementWarning
from perceptron.statistics.contention import (
    CONTENDED,
    UNKNOWN,
    counted_processes,
    hidden_by,
    lost_by_waiting,
    mean_lost,
)
from perceptron.statistics.interval import CONFIDENCE, Interval, of_ratio
from perceptron.statistics.ranking import Doubt, Ranking, confidence_of, rank
from perceptron.statistics.sessions import Start, disagree, over_sessions
from perceptron.statistics.trust import failure_warnings

RaceStart = Literal["cold", "warm"]
"""``cold`` counts from the start of the process, ``warm`` only a second training in it."""
NOTHING = "no seed was run"
# Of the trainings: a single one that waited says little about seven.
_LARGEST_WAITED_PART = 0.1
# Rounding error of a product of fractions that should be a half.
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

    @property
    def name(self) -> str:
        """Its name in the `Ranking` of its start."""
        return f"{self.backend} {self.dtype}"


class RaceResult(Struct, frozen=True, kw_only=True):
    """All results from one start, and which of them is first."""

    start: RaceStart
    runs: list[RaceRun]
    """The fastest first; those without a time come last."""
    ranking: Ranking
    """Of the runs by name. A run that missed the target in most seeds has no time; one that cannot
    run is no candidate."""


class _Seed(NamedTuple):
    """The training of one seed up to the target, or to the limit."""

    seconds: float
    least: float
    """Had no thread waited for a core; all of the time where that is not known."""
    train: float
    epochs: float
    reached: bool

    @property
    def lost(self) -> float:
        """The most that waiting may have added to the logarithm of the time."""
        return min(log(self.seconds / self.least), UNKNOWN) if self.least > 0 else UNKNOWN


_Seeds = dict[int, _Seed]
_Timed = dict[tuple[str, str], _Seeds]
"""The seeds of one run by competitor."""


def trained(row: RaceRow, start: RaceStart) -> tuple[float, Training]:
    """Return the seconds until a training began, and the training; the row `has_raced`."""
    before = (row.import_seconds or 0.0) + (row.prepare_seconds or 0.0)
    training = row.fresh if start == "cold" else row.resident
    assert training is not None, "a row that has raced holds both"
    return (before if start == "cold" else 0.0), training


def race_results(
    rows: Sequence[RaceRow],
    competitors: Iterable[tuple[str, str]] = (),
    others: Iterable[RaceRow] = (),
) -> list[RaceResult]:
    """Judge comparable rows from each start, with a run for each backend and dtype.

    ``competitors`` are pairs of backend and dtype that are judged even without rows. Only seeds
    that all competitors have raced count, apart from competitors that failed. The ranking also
    uses the ``others``, rows of other runs; times are of ``rows`` alone.
    """
    groups: dict[tuple[str, str], list[RaceRow]] = {name: [] for name in competitors}
    groups |= grouped(rows, _competitor)
    of_runs = grouped(others, attrgetter("session"))
    beside = {when: _raced(grouped(of_run, _competitor)) for when, of_run in of_runs.items()}
    starts: tuple[RaceStart, ...] = get_args(RaceStart)
    return [_result(start, groups, _raced(groups), beside) for start in starts]


_competitor = attrgetter("backend", "dtype")
_Raced = dict[tuple[str, str], dict[int, RaceRow]]
"""The rows of one run by competitor and seed."""


def _raced(groups: Mapping[tuple[str, str], Sequence[RaceRow]]) -> _Raced:
    """Return the rows of one run that raced, limited to seeds that all competitors have."""
    seeds = [
        {row.seed for row in members}
        for members in groups.values()
        if members and all(map(has_raced, members))
    ]
    # If all have failed, each counts with its own seeds.
    every = {row.seed for members in groups.values() for row in members}
    common = set.intersection(*seeds) if seeds else every
    return {
        name: {row.seed: row for row in members if has_raced(row) and row.seed in common}
        for name, members in groups.items()
    }


def _result(
    start: RaceStart,
    groups: Mapping[tuple[str, str], Sequence[RaceRow]],
    raced: _Raced,
    beside: Mapping[Start, _Raced],
) -> RaceResult:
    timed = _timed(raced, start)
    runs = [
        _run(*name, rows, list(raced[name].values()), timed[name], start)
        for name, rows in groups.items()
    ]
    session = next((row.session for rows in groups.values() for row in rows), None)
    ranking = _ranked(
        runs, {session: timed} | {when: _timed(of_run, start) for when, of_run in beside.items()}
    )
    positions = {name: position for position, name in enumerate(ranking.order)}
    runs.sort(key=lambda run: positions.get(run.name, len(positions)))
    return RaceResult(start=start, runs=runs, ranking=ranking)


def _timed(raced: _Raced, start: RaceStart) -> _Timed:
    return {
        name: {seed: _seed(row, start) for seed, row in sorted(seeds.items())}
        for name, seeds in raced.items()
    }


def _seed(row: RaceRow, start: RaceStart) -> _Seed:
    before, training = trained(row, start)
    end = training.checks[-1]
    waited = lost_by_waiting(training.waited, row.all_threads, row.processes, row.device)
    return _Seed(
        seconds=before + end.seconds,
        least=before + end.seconds * exp(-waited),
        train=end.seconds,
        epochs=end.iterations / row.iterations_per_epoch,
        reached=row.target.is_reached(end),
    )


def _run(
    backend: str,
    dtype: str,
    rows: Sequence[RaceRow],
    raced: Sequence[RaceRow],
    seeds: _Seeds,
    start: RaceStart,
) -> RaceRun:
    time = _time_of(seeds)
    reached = [seed.reached for seed in seeds.values()]

    def middle(column: list[float]) -> float | None:
        interval = median_of(column, reached)
        return None if interval is None else interval.estimate

    def part(field: str) -> float | None:
        values = [value for row in raced if (value := getattr(row, field)) is not None]
        return (median(values) if start == "cold" else 0.0) if values else None

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
        seconds=None if time is None else time.estimate,
        low=None if time is None else time.low,
        high=None if time is None else time.high,
        epochs=middle([seed.epochs for seed in seeds.values()]),
        parts={
            "import": part("import_seconds"),
            "setup": part("prepare_seconds"),
            "train": middle([seed.train for seed in seeds.values()]),
        },
        data_seconds=part("data_seconds"),
        prepared_from_cache=2 * sum(row.prepared_from_cache is True for row in raced) > len(raced),
        modules=list(dict.fromkeys(module for row in raced for module in row.modules)),
        reason=reason,
    )


def _time_of(seeds: _Seeds, confidence: float = CONFIDENCE) -> Interval | None:
    """Return the median time to the target, its low end as if no thread had waited for a core."""
    reached = [seed.reached for seed in seeds.values()]
    seconds, least = ([getattr(seed, at) for seed in seeds.values()] for at in _Seed._fields[:2])
    whole = median_of(seconds, reached, confidence)
    if whole is None or seconds == least:
        return whole
    shortest = median_of(least, reached, confidence)
    return replace(whole, low=None if shortest is None else shortest.low or None)


# --- which is first -------------------------------------------------------------------------------


def _ranked(runs: Sequence[RaceRun], timed: Mapping[Start, _Timed]) -> Ranking:
    """Rank the runs by their seeds in each session, this run's first.

    A run without a seed, or whose worker was killed, may still have a time.
    """
    late = [run for run in runs if run.seconds is None]
    unable = [run for run in late if not _may_have_time(run)]
    of = {run.name: (run.backend, run.dtype) for run in runs}

    def sides(first: str, second: str) -> Iterator[tuple[Start, _Seeds, _Seeds]]:
        for when, seeds in timed.items():
            yield when, seeds.get(of[first], {}), seeds.get(of[second], {})

    def ratios(first: str, second: str, level: float) -> dict[Start, Interval | None]:
        return {when: _ratio(over, under, level) for when, over, under in sides(first, second)}

    def ratio(first: str, second: str, level: float) -> Interval | None:
        return over_sessions(ratios(first, second, level), level, between=level)

    ranking = rank(
        {run.name: run.seconds for run in runs if run.seconds is not None},
        ratio,
        [run.name for run in late if run not in unable],
        [run.name for run in unable],
    )
    level = confidence_of(len(ranking.order))

    def why(name: str, doubt: Doubt) -> Doubt:
        if name not in ranking.order:
            return doubt
        first, together = ranking.order[0], ranking.ratios[name]
        if together and disagree(ratios(name, first, level).values(), together):
            return "runs disagree"
        return _why(doubt, [(over, under) for _, over, under in sides(name, first)])

    return replace(
        ranking, doubts={name: why(name, doubt) for name, doubt in ranking.doubts.items()}
    )


def _may_have_time(run: RaceRun) -> bool:
    return bool(run.seeds) or run.reason in (None, NOTHING) or was_killed(run.reason)


def _ratio(numerator: _Seeds, denominator: _Seeds, confidence: float) -> Interval | None:
    """Return the ratio of two runs' times over the seeds of both; None without any.

    Equal seeds are equal trainings, measured side by side. If one missed the target, its time is
    unknown, and the intervals of the medians are divided.
    """
    sides = numerator, denominator
    counted = _counted(*sides)
    if not counted:
        return None
    if all(side[seed].reached for side in sides for seed in numerator.keys() & denominator.keys()):
        over, under = ([side[seed].seconds for seed in counted] for side in sides)
        lost = (mean_lost([side[seed].lost for seed in counted]) for side in sides)
        return of_ratio(over, under, hidden_by(*lost), confidence)
    first, second = (_time_of(side, confidence) for side in sides)
    if first is None or second is None or not second.estimate:
        return None
    return Interval(
        first.estimate / second.estimate,
        _quotient(first.low, second.high),
        _quotient(first.high, second.low),
    )


def _counted(numerator: _Seeds, denominator: _Seeds) -> list[int]:
    """Return the seeds of both runs that count: the uncontended ones if there are enough."""
    lost = {
        seed: [numerator[seed].lost, denominator[seed].lost]
        for seed in numerator
        if seed in denominator and numerator[seed].seconds * denominator[seed].seconds > 0
    }
    return counted_processes(lost)


def _quotient(over: float | None, under: float | None) -> float | None:
    return over / under if over is not None and under else None


def _why(doubt: Doubt, sides: Sequence[tuple[_Seeds, _Seeds]]) -> Doubt:
    """Return why a ratio is undecided, from the seeds of both sides in each run."""
    counted = [(over, under, _counted(over, under)) for over, under in sides]
    if any(over[seed].lost or under[seed].lost for over, under, seeds in counted for seed in seeds):
        return "contended"
    # A quotient of medians of several seeds may be open at both ends, as the ratio of one is.
    return "too noisy" if any(len(seeds) > 1 for *_, seeds in counted) else doubt


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


def median_of(
    times: Sequence[float] | np.ndarray, reached: Sequence[bool], confidence: float = CONFIDENCE
) -> Interval | None:
    """Return the median time to a target, in the unit of ``times``, censored where not reached.

    Seeds that miss the target are censored at the limit: they take longer than that. Kaplan and
    Meier's estimate (J. Amer. Statist. Assoc. 53, 1958) of the share that is still under way is
    scipy's; the median is where it crosses a half, and its interval where the ends of the
    estimate's log-log interval do (Brookmeyer and Crowley, Biometrics 38, 1982).

    Return None if fewer than half reached it, whatever the estimate: it would count seeds that
    ended early like the others. A single time has no interval, and an end of the interval
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
        # At a share of 1 or 0 the interval is NaN, which no comparison finds: the end is open.
        warnings.simplefilter("ignore", RuntimeWarning)
        interval = under_way.confidence_interval(confidence, method="log-log")
    low, high = (_first(at, end.probabilities <= 0.5) for end in (interval.low, interval.high))
    return Interval(middle, low, high)


def _first(times: np.ndarray, holds: np.ndarray) -> float | None:
    return float(times[holds][0]) if holds.any() else None
