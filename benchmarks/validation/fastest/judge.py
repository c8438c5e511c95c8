"""Compare picks with what the trainings take: how often right, and what a wrong one costs."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from benchmarks.validation.fastest.record import ALWAYS, Judged, Pick, Quality, Times, Way
from benchmarks.validation.fastest.shapes import Training
from benchmarks.validation.share import Share, share
from perceptron.problems.cost import operations
from perceptron.records.measurement import Measurement

CLOSE = 1.10
"""Two backends are close, and a pick is not wrong, up to this ratio of their times."""
_NEARLY_ALL = 0.95


def times_of(training: Training, rows: Iterable[Measurement], backends: Sequence[str]) -> Times:
    """Return what a training takes on each of these backends, by their ``rows`` of its problem.

    That is the median over processes of preparing once and all iterations. A backend without a
    time in any process has the first reason that its rows give.
    """
    problem, iterations = training.problem, training.iterations
    totals: dict[str, list[float]] = defaultdict(list)
    reasons: dict[str, str] = {}
    for row in rows:
        if row.problem != problem.name or row.phase is not None or row.backend not in backends:
            continue
        if row.seconds is None:
            reasons.setdefault(row.backend, row.reason or row.status)
        else:
            totals[row.backend].append((row.prepare_seconds or 0.0) + iterations * row.seconds)
    medians = {name: statistics.median(totals[name]) for name in totals if name not in reasons}
    return Times(
        reference=training.reference,
        epochs=training.epochs,
        operations=operations(problem),
        seconds=dict(sorted(medians.items(), key=lambda item: item[1])),
        reasons=reasons,
    )


def judge(
    way: Way, times: Iterable[Times], picks: Iterable[Pick], measured_first: int = 0
) -> Quality:
    """Return how good these picks are; those of trainings that have no times are left out."""
    by_reference = {own.reference: own for own in times}
    judged = [
        _judged(by_reference[pick.reference], pick)
        for pick in picks
        if pick.reference in by_reference
    ]
    close = [one for one in judged if one.close]
    sure = [one for one in judged if one.sure]
    wrong = [one for one in sure if one.regret is None or one.regret > CLOSE]
    return _quality(
        way.name,
        judged,
        measured_first=measured_first,
        unsure_if_close=share(sum(not one.sure for one in close), len(close)),
        wrong_if_sure=share(len(wrong), len(sure)),
    )


def always(backend: str, times: Iterable[Times]) -> Quality:
    """Return how good it is to take one backend whatever is trained."""
    judged = [
        _judged(
            own,
            Pick(
                reference=own.reference,
                epochs=own.epochs,
                backend=backend,
                sure=True,
                source="unknown",
            ),
        )
        for own in times
    ]
    return _quality(f"{ALWAYS}{backend}", judged)


def _judged(times: Times, pick: Pick) -> Judged:
    takes = times.seconds.get(pick.backend)
    said = None if takes is None or pick.seconds is None else pick.seconds / takes - 1
    return Judged(
        reference=times.reference,
        epochs=times.epochs,
        operations=times.operations,
        picked=pick.backend,
        best=times.best,
        regret=times.regret(pick.backend),
        close=times.lead <= CLOSE,
        sure=pick.sure,
        off=said,
    )


def _quality(
    answers: str,
    judged: list[Judged],
    measured_first: int = 0,
    unsure_if_close: Share | None = None,
    wrong_if_sure: Share | None = None,
) -> Quality:
    known = [one for one in judged if one.regret is not None]
    regrets = [one.regret for one in known if one.regret is not None]
    worst = max(known, key=lambda one: one.regret or 0.0, default=None)
    return Quality(
        answers=answers,
        right=share(sum(one.picked == one.best for one in judged), len(judged)),
        measured_first=measured_first,
        untrainable=len(judged) - len(known),
        median=statistics.median(regrets) if regrets else None,
        high=_nearly_all(regrets) if regrets else None,
        worst=worst.regret if worst else None,
        worst_of=worst.reference if worst else None,
        unsure_if_close=unsure_if_close,
        wrong_if_sure=wrong_if_sure,
        picks=judged,
    )


def _nearly_all(regrets: Sequence[float]) -> float:
    """Return the smallest regret that 95 % do not exceed: one of them, nothing between two."""
    return float(np.quantile(regrets, _NEARLY_ALL, method="inverted_cdf"))
