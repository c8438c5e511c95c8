"""How well the held-out part was known after so many seconds: a band over the seeds."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from msgspec import Struct

from perceptron.analysis.race.result import (
    Competitor,
    RaceStart,
    has_raced,
    seconds_from_start,
    training_of,
)
from perceptron.records.race import Check, Goal, RaceRow


class RacePoint(Struct, frozen=True):
    """After one more look: the median time of it, and what it showed over the seeds."""

    seconds: float
    """Of the seeds that were still under way."""
    value: float
    """The median; a seed that was there, or was given up, keeps what it had."""
    low: float
    """The lowest of any seed."""
    high: float
    epochs: float


class RaceCurve(Struct, frozen=True):
    """The looks of one competitor from one start, in order."""

    competitor: Competitor
    points: list[RacePoint]


def race_curves(rows: Sequence[RaceRow], start: RaceStart, goal: Goal) -> list[RaceCurve]:
    """Return a curve for each competitor that has raced."""
    by_competitor: dict[Competitor, list[RaceRow]] = {}
    for row in rows:
        if has_raced(row):
            by_competitor.setdefault(Competitor(row.backend, row.dtype), []).append(row)
    curves = [RaceCurve(name, _points(own, start, goal)) for name, own in by_competitor.items()]
    return [curve for curve in curves if curve.points]


def _points(rows: Sequence[RaceRow], start: RaceStart, goal: Goal) -> list[RacePoint]:
    looked = [
        (seconds_from_start(row, start), training.checks)
        for row in rows
        if (training := training_of(row, start)) is not None
    ]
    points: list[RacePoint] = []
    for index in range(max(len(checks) for _, checks in looked)):
        under_way = [(before, checks[index]) for before, checks in looked if index < len(checks)]
        seen = [_value(checks[min(index, len(checks) - 1)], goal) for _, checks in looked]
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
