"""What several runs say together: the run is a level of uncertainty of its own.

A *session* is what one start of a command measured. Its interval covers what repeats within it
differ by. Another session may find the machine in another state, which slows one backend more than
another, and lasts for minutes: of ten pairs of committed runs six exclude each other at 95%. So the
ratios of sessions are joined by what they differ by, and none is pooled with another's repeats.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations
from math import exp, inf, log, sqrt
from operator import attrgetter
from statistics import NormalDist, fmean, median

from perceptron.records.grouping import grouped
from perceptron.records.measurement import Measurement
from perceptron.statistics.interval import (
    CONFIDENCE,
    LARGEST_LOG,
    Interval,
    of_times,
    quantile,
    ratio_within,
)
from perceptron.statistics.select import times

AGAIN = "the same command again, at another time"
"""What tells more where sessions disagree."""
INTERVALS = "95% intervals"
# Sessions that are exact, as in a test, have no variance of their own to divide by.
_LEAST_VARIANCE = 1e-18
_HALVINGS = 100


def intervals_of(sessions: int) -> str:
    """Return what a heading says that intervals cover: what repeats of one run differ by, or runs.

    >>> intervals_of(1), intervals_of(2), intervals_of(3)
    ('95% intervals of one run', 'intervals span 2 runs', '95% intervals of 3 runs')
    """
    if sessions == 2:  # which hold less often than 95%: two runs tell little of a third one
        return "intervals span 2 runs"
    return f"{INTERVALS} of {'one run' if sessions == 1 else f'{sessions} runs'}"


def number_of(rows: Iterable[Measurement]) -> int:
    """Return of how many sessions rows are that were judged together."""
    return len(by_session(rows))


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
    if len(ratios) == 1:
        return ratios[0]
    counted = [one for one in ratios if None not in one.ends]
    if not counted:
        return _spanned(ratios)
    if len(counted) == 1:
        (together,) = counted
    elif len(counted) == 2:
        together = _of_two(*counted)
    else:
        together = _with_random_effects(counted, confidence, between)
    return with_contradictions(together, ratios)


def with_contradictions(together: Interval, ratios: Sequence[Interval]) -> Interval:
    """Return what sessions say together, or what spans them where one decides otherwise."""
    verdict = _verdict(together)
    others = {_verdict(one) for one in ratios} - {None, verdict}
    if verdict is None or not others:
        return together
    return _spanned([together, *ratios])


def _verdict(ratio: Interval) -> str | None:
    """Return what a ratio decides by itself, if anything."""
    if ratio.is_tie:
        return "tie"
    if ratio.low is not None and ratio.low > 1:
        return "slower"
    return "faster" if ratio.high is not None and ratio.high < 1 else None


def excluded(one: Interval, other: Interval) -> bool:
    """Return whether the intervals of two sessions exclude each other."""
    return (one.high or inf) < (other.low or 0.0) or (other.high or inf) < (one.low or 0.0)


def disagree(ratios: Sequence[Interval], together: Interval) -> bool:
    """Return whether sessions differ by more than each says, and not about an amount alone.

    Two that say 20 and 24 times as long agree on the winner, and their ``together`` has one.
    """
    if _verdict(together) is not None:
        return False
    return any(excluded(one, other) for one, other in combinations(ratios, 2))


def _of_two(one: Interval, other: Interval) -> Interval:
    both = _spanned([one, other])
    if both.low is None or both.high is None or both.is_tie or not excluded(one, other):
        return both
    apart = abs(log(one.estimate) - log(other.estimate))
    if min(abs(log(one.estimate)), abs(log(other.estimate))) > apart:
        return both
    return Interval(both.estimate, min(both.low, 1.0), max(both.high, 1.0))


def _spanned(ratios: Sequence[Interval]) -> Interval:
    lows = [one.low for one in ratios if one.low is not None]
    highs = [one.high for one in ratios if one.high is not None]
    low = min(lows) if len(lows) == len(ratios) else None
    high = max(highs) if len(highs) == len(ratios) else None
    return Interval(exp(fmean(log(one.estimate) for one in ratios)), low, high)


def _with_random_effects(
    ratios: Sequence[Interval], confidence: float, between_level: float
) -> Interval:
    means = [log(one.estimate) for one in ratios]
    # The longer side: what waiting hides reaches to one of them.
    reaches = [
        max(mean - log(one.low or 1.0), log(one.high or 1.0) - mean)
        for mean, one in zip(means, ratios, strict=True)
    ]
    normal = normal_reach(confidence)
    own = [max(_LEAST_VARIANCE, (reach / normal) ** 2) for reach in reaches]
    between = _between(means, own)
    weights = [1 / (variance + between) for variance in own]
    middle = _weighted(means, weights)
    freedom = len(ratios) - 1
    spread = max(1.0, _squares(means, weights) / freedom)
    reach = quantile(freedom, between_level) * sqrt(spread / sum(weights))
    reach = max(reach, min(reaches))
    low, high = (
        exp(end) if abs(end) < LARGEST_LOG else None for end in (middle - reach, middle + reach)
    )
    return Interval(exp(middle), low, high)


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


# --- which rows are of sessions that answer together ----------------------------------------------


def by_session(rows: Iterable[Measurement]) -> list[list[Measurement]]:
    """Return the rows of each session, that of the first row first.

    Which rows of others may join a run's own is decided where they are read: see
    `questions.other_sessions`.
    """
    return list(grouped(rows, attrgetter("session")).values())


def ratio_of(
    rows: Iterable[Measurement], first: str, second: str, confidence: float = CONFIDENCE
) -> Interval | None:
    """Return the time of the first backend over that of the second, of one problem.

    What `ratio_within` says of each session, joined. None where no process measured both.
    """
    if first == second:
        return Interval(1.0, 1.0, 1.0)
    return over_sessions(
        [ratio_within(own, first, second, confidence) for own in by_session(rows)], confidence
    )


def over_sessions(ratios: Iterable[Interval | None], confidence: float) -> Interval | None:
    """Return what the sessions say of two candidates that have a ratio; None where none has."""
    known = [one for one in ratios if one is not None]
    return joined(known, confidence, between=confidence) if known else None


def typical_seconds(sessions: Iterable[Iterable[Measurement]], backend: str) -> float:
    """Return the median over sessions of a backend's typical times; it has one in some session."""
    every = (list(times(own, backend).values()) for own in sessions)
    return median(of_times(seconds).estimate for seconds in every if seconds)
