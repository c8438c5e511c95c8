"""Join the ratios of several runs: sessions vary more than the repeats within them.

The interval of a run covers the variance of its repeats, in one state of the machine. A state
lasts for minutes and slows one backend more than another: of ten pairs of committed runs six
exclude each other at 95%. A *session* is all runs started on a machine within an hour: they may
share a state, so they count once. The ratios of sessions are joined by the variance between them;
repeats of several sessions are never pooled.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import combinations
from math import exp, inf, log, sqrt
from operator import attrgetter
from statistics import NormalDist, fmean, median

from perceptron.records.grouping import grouped
from perceptron.records.measurement import Measurement
from perceptron.records.race import RaceRow
from perceptron.records.run import seconds_of
from perceptron.statistics.interval import (
    CONFIDENCE,
    Interval,
    of_logarithms,
    of_times,
    quantile,
    ratio_within,
    standing,
)
from perceptron.statistics.select import times

APART_SECONDS = 3600.0
"""From the start of a session to that of the next: states of a machine last for minutes."""
AGAIN = "the same command again, at another time"
"""The advice if runs disagree."""
INTERVALS = "95% intervals"
# Exact runs, as in a test, have a variance of 0, and weights divide by it.
_LEAST_VARIANCE = 1e-18
_HALVINGS = 100

Start = str | None
"""The start of a run, which identifies it; None for rows without a run."""


def intervals_of(starts: Collection[Start]) -> str:
    """Return the heading of intervals of runs with these starts.

    >>> intervals_of(["2026-01-01T08:00:00Z"])
    '95% intervals of one run'
    >>> intervals_of(["2026-01-01T08:00:00Z", "2026-01-01T08:10:00Z"])
    '95% intervals of one session'
    >>> intervals_of(["2026-01-01T08:00:00Z", "2026-01-01T09:10:00Z"])
    'intervals span 2 sessions'
    """
    number = len(in_sessions(starts))
    if number == 2:  # the span holds less often than 95%: two sessions tell little of a third
        return "intervals span 2 sessions"
    if number > 2:
        return f"{INTERVALS} of {number} sessions"
    return f"{INTERVALS} of one {'session' if len(starts) > 1 else 'run'}"


def starts_of(rows: Iterable[Measurement | RaceRow]) -> set[Start]:
    """Return the starts of the runs of these rows."""
    return set(map(attrgetter("session"), rows))


def in_sessions(starts: Collection[Start]) -> list[list[Start]]:
    """Group the starts of runs by session, in the order of time.

    A session takes every run that starts less than an hour after its first one. A run without a
    readable start is a session by itself, and comes last.
    """
    seconds_at = {start: seconds_of(start) for start in starts} if len(starts) > 1 else {}
    dated = {start: seconds for start, seconds in seconds_at.items() if seconds is not None}
    sessions: list[list[Start]] = []
    for start in sorted(dated, key=dated.__getitem__):
        if not sessions or dated[start] - dated[sessions[-1][0]] >= APART_SECONDS:
            sessions.append([])
        sessions[-1].append(start)
    return [*sessions, *([start] for start in starts if start not in dated)]


def normal_half_width(confidence: float) -> float:
    """Return half the width of a normal interval, in standard errors."""
    return NormalDist().inv_cdf((1 + confidence) / 2)


def joined(
    ratios: Sequence[Interval], confidence: float = CONFIDENCE, between: float = CONFIDENCE
) -> Interval:
    """Join the ratios of sessions, whose intervals are at this ``confidence``.

    Of two sessions the interval spans both. If they exclude each other and their leads are no
    larger than their difference, it includes 1 as well: nothing is decided.

    Of n ≥ 3 it is a random-effects interval with n − 1 degrees of freedom: the variance between
    sessions after Paule and Mandel (Journal of Research of the NBS 87, 1982), the interval after
    Hartung and Knapp (Statistics in Medicine 20, 2001), but never with a smaller variance than the
    weights alone have (Röver, Knapp and Friede, BMC Medical Research Methodology 15, 2015), and
    never narrower than the narrowest session's. The variance between sessions holds at the level
    ``between``: a state moves all sizes together, but each candidate by itself.

    If a session decides otherwise, the interval spans all of them. A session without an end does
    not count beside others that have both, except if it decides otherwise. Raises ValueError
    without a session.

    >>> joined([Interval(1.1, 1.0, 1.2), Interval(1.1, 1.05, 1.3)]).ends
    (1.0, 1.3)
    """
    if not ratios:
        raise ValueError("no sessions to join")
    counted = [ratio for ratio in ratios if None not in ratio.ends] or ratios
    if len(counted) == 1:
        together = counted[0]
    elif len(counted) == 2 or None in counted[0].ends:
        together = _spanning(counted)
    else:
        together = _with_random_effects(counted, confidence, between)
    return _with_contradictions(together, ratios)


def of_session(ratios: Sequence[Interval]) -> Interval:
    """Join the ratios of the runs of one session.

    If two of them exclude each other, the interval spans all, as `joined` does for two sessions.
    Else it is their mean, weighted by the inverse squares of their half widths, with the half
    widths of the narrowest: more runs in one state of the machine tell nothing about another state,
    and a noisy run does no harm. Runs without an end, and runs that decide otherwise, are treated
    as in `joined`.
    """
    counted = [ratio for ratio in ratios if None not in ratio.ends] or ratios
    if len(counted) == 1:
        together = counted[0]
    elif None in counted[0].ends or _exclude(counted):
        together = _spanning(counted)
    else:
        means, sides = _by_logarithms(counted)
        weights = [1 / max(_LEAST_VARIANCE, max(side) ** 2) for side in sides]
        middle, (below, above) = _weighted(means, weights), min(sides, key=max)
        together = of_logarithms(middle, middle - below, middle + above)
    return _with_contradictions(together, ratios)


def _with_contradictions(together: Interval, ratios: Sequence[Interval]) -> Interval:
    """Return ``together``, or the span of all if a ratio decides otherwise."""
    verdict = standing(together)
    others = set(map(standing, ratios)) - {"open", verdict}
    if verdict == "open" or not others:
        return together
    span = _spanned([together, *ratios])
    # A tie just below 1 and a faster ratio both lie below 1, although they contradict each other.
    return span if standing(span) == "open" else _with_equality(span)


def excluded(first: Interval, second: Interval) -> bool:
    """Return whether the intervals of two runs, or sessions, exclude each other."""
    return (first.high or inf) < (second.low or 0.0) or (second.high or inf) < (first.low or 0.0)


def _exclude(ratios: Iterable[Interval]) -> bool:
    return any(excluded(first, second) for first, second in combinations(ratios, 2))


def disagree(ratios: Iterable[Interval | None], together: Interval) -> bool:
    """Return whether runs exclude each other and leave the winner open.

    Runs with ratios of 20 and 24 agree on the winner, and ``together`` is decided.
    """
    return standing(together) == "open" and _exclude(ratio for ratio in ratios if ratio is not None)


def _spanning(ratios: Sequence[Interval]) -> Interval:
    """Return the span of the ratios, with 1 if their leads are no larger than their difference."""
    span = _spanned(ratios)
    if span.low is None or span.high is None or span.is_tie or not _exclude(ratios):
        return span
    means = [log(ratio.estimate) for ratio in ratios]
    if min(map(abs, means)) > max(means) - min(means):
        return span
    return _with_equality(span)


def _with_equality(ratio: Interval) -> Interval:
    """Return the interval extended to include 1; open ends stay open."""
    low, high = ratio.ends
    return Interval(
        ratio.estimate,
        None if low is None else min(low, 1.0),
        None if high is None else max(high, 1.0),
    )


def _spanned(ratios: Sequence[Interval]) -> Interval:
    lows = [ratio.low for ratio in ratios if ratio.low is not None]
    highs = [ratio.high for ratio in ratios if ratio.high is not None]
    low = min(lows) if len(lows) == len(ratios) else None
    high = max(highs) if len(highs) == len(ratios) else None
    return Interval(exp(fmean(log(ratio.estimate) for ratio in ratios)), low, high)


def _with_random_effects(
    ratios: Sequence[Interval], confidence: float, between_level: float
) -> Interval:
    means, sides = _by_logarithms(ratios)
    # The longer side: what waiting hides widens one of them.
    half_widths = list(map(max, sides))
    normal = normal_half_width(confidence)
    variances = [max(_LEAST_VARIANCE, (half_width / normal) ** 2) for half_width in half_widths]
    between = _between(means, variances)
    weights = [1 / (variance + between) for variance in variances]
    middle = _weighted(means, weights)
    df = len(ratios) - 1
    spread = max(1.0, _squares(means, weights) / df)
    half_width = quantile(df, between_level) * sqrt(spread / sum(weights))
    half_width = max(half_width, min(half_widths))
    return of_logarithms(middle, middle - half_width, middle + half_width)


def _by_logarithms(ratios: Sequence[Interval]) -> tuple[list[float], list[tuple[float, float]]]:
    """Return the logarithms of ratios with both ends, and the widths of each below and above."""
    means = [log(ratio.estimate) for ratio in ratios]
    sides = [
        (mean - log(ratio.low or 1.0), log(ratio.high or 1.0) - mean)
        for mean, ratio in zip(means, ratios, strict=True)
    ]
    return means, sides


def _between(means: Sequence[float], variances: Sequence[float]) -> float:
    """Return the variance between sessions at which their weighted squares are as expected."""
    df = len(means) - 1
    low, high = 0.0, len(means) * (max(means) - min(means)) ** 2
    if _squares(means, [1 / variance for variance in variances]) <= df:
        return 0.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if _squares(means, [1 / (variance + middle) for variance in variances]) > df:
            low = middle
        else:
            high = middle
    return high


def _weighted(values: Sequence[float], weights: Sequence[float]) -> float:
    return sum(map(float.__mul__, weights, values)) / sum(weights)


def _squares(values: Sequence[float], weights: Sequence[float]) -> float:
    middle = _weighted(values, weights)
    return sum(
        weight * (value - middle) ** 2 for value, weight in zip(values, weights, strict=True)
    )


# --- rows of several runs -------------------------------------------------------------------------


def by_run(rows: Iterable[Measurement]) -> dict[Start, list[Measurement]]:
    """Group the rows by the start of their run, in the order of first rows.

    `questions.other_sessions` chooses the rows of other runs that may join.
    """
    return grouped(rows, attrgetter("session"))


def ratio_of(
    rows: Iterable[Measurement], first: str, second: str, confidence: float = CONFIDENCE
) -> Interval | None:
    """Return the time of the first backend over that of the second, of one problem.

    The ratios of all runs, see `ratio_within`, are joined. None if no process measured both.
    """
    if first == second:
        return Interval(1.0, 1.0, 1.0)
    ratios = {
        start: ratio_within(members, first, second, confidence)
        for start, members in by_run(rows).items()
    }
    return over_sessions(ratios, confidence, between=confidence)


def over_sessions(
    ratios: Mapping[Start, Interval | None], confidence: float, between: float
) -> Interval | None:
    """Join the ratios of two candidates in all runs; None if no run has a ratio.

    `of_session` joins the runs of a session, `joined` the sessions. If a single run decides
    otherwise, the interval spans all.
    """
    ratio_at = {start: ratio for start, ratio in ratios.items() if ratio is not None}
    if not ratio_at:
        return None
    sessions = [
        of_session([ratio_at[start] for start in session]) for session in in_sessions(ratio_at)
    ]
    return _with_contradictions(joined(sessions, confidence, between), list(ratio_at.values()))


def typical_seconds(runs: Mapping[Start, Iterable[Measurement]], backend: str) -> float:
    """Return the median over sessions of a backend's typical seconds; one run must have a time."""
    timed = {
        start: of_times(list(seconds.values())).estimate
        for start, rows in runs.items()
        if (seconds := times(rows, backend))
    }
    return median(median(timed[start] for start in session) for session in in_sessions(timed))
