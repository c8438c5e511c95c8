"""What several runs say together: the session is a level of uncertainty of its own.

The interval of a run covers what repeats within it differ by, in one state of the machine. A state
lasts for minutes and slows one backend more than another: of ten pairs of committed runs six
exclude each other at 95%. A *session* is all that was started on a machine within an hour: its runs
may share a state, so they say one thing together. The ratios of sessions are joined by what they
differ by, and none is pooled with another's repeats.
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
"""What tells more where runs disagree."""
INTERVALS = "95% intervals"
# Runs that are exact, as in a test, have no variance of their own to divide by.
_LEAST_VARIANCE = 1e-18
_HALVINGS = 100

Start = str | None
"""When a run was started, which names it; None of rows that know no run."""


def intervals_of(starts: Collection[Start]) -> str:
    """Return the words of a heading for intervals of runs with these starts.

    >>> intervals_of(["2026-01-01T08:00:00Z"])
    '95% intervals of one run'
    >>> intervals_of(["2026-01-01T08:00:00Z", "2026-01-01T08:10:00Z"])
    '95% intervals of one session'
    >>> intervals_of(["2026-01-01T08:00:00Z", "2026-01-01T09:10:00Z"])
    'intervals span 2 sessions'
    """
    number = len(in_sessions(starts))
    if number == 2:  # which hold less often than 95%: two sessions tell little of a third one
        return "intervals span 2 sessions"
    if number > 2:
        return f"{INTERVALS} of {number} sessions"
    return f"{INTERVALS} of one {'session' if len(starts) > 1 else 'run'}"


def starts_of(rows: Iterable[Measurement | RaceRow]) -> set[Start]:
    """Return the starts of the runs of rows that were judged together."""
    return set(map(attrgetter("session"), rows))


def in_sessions(starts: Collection[Start]) -> list[list[Start]]:
    """Return the starts of runs by session, in the order of time.

    A session takes every run that starts less than an hour after its first one. A run without a
    start that can be read is one by itself, and comes last.
    """
    at = {start: seconds_of(start) for start in starts} if len(starts) > 1 else {}
    dated = {start: seconds for start, seconds in at.items() if seconds is not None}
    sessions: list[list[Start]] = []
    for start in sorted(dated, key=dated.__getitem__):
        if not sessions or dated[start] - dated[sessions[-1][0]] >= APART_SECONDS:
            sessions.append([])
        sessions[-1].append(start)
    return [*sessions, *([start] for start in starts if start not in dated)]


def normal_reach(confidence: float) -> float:
    """Return the standard errors that an interval reaches to each side."""
    return NormalDist().inv_cdf((1 + confidence) / 2)


def joined(
    ratios: Sequence[Interval], confidence: float = CONFIDENCE, between: float = CONFIDENCE
) -> Interval:
    """Return the ratio that sessions say together; each one's interval is at this confidence.

    Of two it spans both. Where they exclude each other and lead by no more than they differ by, it
    holds 1 as well: nothing is decided.

    Of three or more it is a random-effects interval with one degree of freedom less than there are
    sessions: their variance beyond their own after Paule and Mandel (Journal of Research of the NBS
    87, 1982), the interval after Hartung and Knapp (Statistics in Medicine 20, 2001), but never
    with a smaller variance than the weights alone have (Röver, Knapp and Friede, BMC Medical
    Research Methodology 15, 2015). It is never narrower than the narrowest session's. What sessions
    differ by holds at the level ``between``: a state moves all sizes together, but each candidate
    by itself.

    It decides nothing that a session decides otherwise: then it spans all of them. A session
    without an end does not count beside others that have both; where it excludes what they say, it
    is such a contradiction. Raises ValueError without a session.

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
    """Return the ratio that the runs of one session say together.

    Where two of them exclude each other it spans all, as `joined` does two sessions. Else it is
    their mean, weighted by how narrow each is, in the interval of the narrowest: more runs in one
    state of the machine say no more of another state, and a poor one takes nothing away. As of
    sessions, none without an end counts beside others, and nothing is decided that a run decides
    otherwise.
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
    """Return ``together``, or the span of all where a ratio decides otherwise."""
    verdict = standing(together)
    others = set(map(standing, ratios)) - {"open", verdict}
    if verdict == "open" or not others:
        return together
    every = _spanned([together, *ratios])
    # A tie just below 1 beside one that is faster: both lie below 1, and they agree on nothing.
    return every if standing(every) == "open" else _with_equality(every)


def excluded(one: Interval, other: Interval) -> bool:
    """Return whether the intervals of two runs, or sessions, exclude each other."""
    return (one.high or inf) < (other.low or 0.0) or (other.high or inf) < (one.low or 0.0)


def _exclude(ratios: Iterable[Interval]) -> bool:
    return any(excluded(one, other) for one, other in combinations(ratios, 2))


def disagree(ratios: Iterable[Interval | None], together: Interval) -> bool:
    """Return whether single runs differ by more than each says, and not about an amount alone.

    Two that say 20 and 24 times as long agree on the winner, and their ``together`` has one.
    """
    return standing(together) == "open" and _exclude(ratio for ratio in ratios if ratio is not None)


def _spanning(ratios: Sequence[Interval]) -> Interval:
    """Return the span of the ratios; with 1 where they lead by no more than they differ by."""
    every = _spanned(ratios)
    if every.low is None or every.high is None or every.is_tie or not _exclude(ratios):
        return every
    means = [log(ratio.estimate) for ratio in ratios]
    if min(map(abs, means)) > max(means) - min(means):
        return every
    return _with_equality(every)


def _with_equality(ratio: Interval) -> Interval:
    """Return the interval that reaches to 1 as well; an end that is open stays so."""
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
    # The longer side: what waiting hides reaches to one of them.
    reaches = list(map(max, sides))
    normal = normal_reach(confidence)
    variances = [max(_LEAST_VARIANCE, (reach / normal) ** 2) for reach in reaches]
    between = _between(means, variances)
    weights = [1 / (variance + between) for variance in variances]
    middle = _weighted(means, weights)
    freedom = len(ratios) - 1
    spread = max(1.0, _squares(means, weights) / freedom)
    reach = quantile(freedom, between_level) * sqrt(spread / sum(weights))
    reach = max(reach, min(reaches))
    return of_logarithms(middle, middle - reach, middle + reach)


def _by_logarithms(ratios: Sequence[Interval]) -> tuple[list[float], list[tuple[float, float]]]:
    """Return the logarithms of ratios with both ends, and how far each reaches down and up."""
    means = [log(ratio.estimate) for ratio in ratios]
    sides = [
        (mean - log(ratio.low or 1.0), log(ratio.high or 1.0) - mean)
        for mean, ratio in zip(means, ratios, strict=True)
    ]
    return means, sides


def _between(means: Sequence[float], own: Sequence[float]) -> float:
    """Return the variance between sessions, at which what they differ by is what is expected."""
    freedom = len(means) - 1
    low, high = 0.0, len(means) * (max(means) - min(means)) ** 2
    if _squares(means, [1 / variance for variance in own]) <= freedom:
        return 0.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if _squares(means, [1 / (variance + middle) for variance in own]) > freedom:
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


# --- which rows are of runs that answer together --------------------------------------------------


def by_run(rows: Iterable[Measurement]) -> dict[Start, list[Measurement]]:
    """Return the rows of each run by its start, those of the first row first.

    Which rows of others may join a run's own is decided where they are read: see
    `questions.other_sessions`.
    """
    return grouped(rows, attrgetter("session"))


def ratio_of(
    rows: Iterable[Measurement], first: str, second: str, confidence: float = CONFIDENCE
) -> Interval | None:
    """Return the time of the first backend over that of the second, of one problem.

    The ratios of `ratio_within` for each run, joined. None where no process measured both.
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
    """Join the ratios of two candidates in all runs; None where no run has a ratio.

    Runs of a session as `of_session` does, then the sessions as `joined` does. It decides nothing
    that a single run decides otherwise.
    """
    ratio_at = {start: ratio for start, ratio in ratios.items() if ratio is not None}
    if not ratio_at:
        return None
    sessions = [
        of_session([ratio_at[start] for start in session]) for session in in_sessions(ratio_at)
    ]
    return _with_contradictions(joined(sessions, confidence, between), list(ratio_at.values()))


def typical_seconds(runs: Mapping[Start, Iterable[Measurement]], backend: str) -> float:
    """Return the median over sessions of a backend's typical times; it has one in some run."""
    timed = {
        start: of_times(list(seconds.values())).estimate
        for start, rows in runs.items()
        if (seconds := times(rows, backend))
    }
    return median(median(timed[start] for start in session) for session in in_sessions(timed))
