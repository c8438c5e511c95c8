"""One case from commit to commit: its times, and the stretches of equal level."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import expm1
from statistics import median

import numpy as np
from msgspec import Struct

from perceptron.analysis.interval import (
    CONFIDENCE,
    LARGEST_LOG,
    Interval,
    of_times,
    quantile,
    trimmed,
    welch,
)
from perceptron.analysis.select import has_time
from perceptron.grouping import grouped
from perceptron.records.ground import ground
from perceptron.records.measurement import Measurement


class HistoryPoint(Struct, frozen=True):
    """One commit: its revision, when it was made (UTC, ISO 8601), and its one time."""

    commit: str
    committed: str
    seconds: float


class Segment(Struct, frozen=True, kw_only=True):
    """Commits of one level: ``first`` and ``last`` are indices into the points.

    The intervals of 95% come from the spread between commits, each of which is a fresh process.
    A stretch of one commit has none. That the border was chosen by the same times is not in that
    of the change.
    """

    first: int
    last: int
    level: Interval
    """The typical time, in seconds."""
    change: Interval | None
    """Against the stretch before, as ratio − 1; None of the first."""


class CaseHistory(Struct, frozen=True, kw_only=True):
    """One case over the commits that have a time of it, oldest first."""

    row: Measurement
    """A row of the case: its machine, tool, environment, family, size and backend are of all."""
    points: list[HistoryPoint]
    steps: list[Segment]


def histories(rows: Iterable[Measurement]) -> list[CaseHistory]:
    """Return each case of asv's with times of at least two commits whose dates are known.

    Cases come in the order of their machine, environment, family, size and backend; commits in that
    of their date, then revision. Several values of one commit become their median. Two
    environments are two cases. A time that is zero, negative or not finite is ignored.
    """
    dated = (
        row
        for row in rows
        if row.source == "asv" and row.commit and row.committed and has_time(row)
    )
    cases = grouped(
        dated, lambda row: (ground(row), row.environment, row.family, row.size, row.backend)
    )
    pasts = []
    for members in sorted(cases.values(), key=lambda members: _order(members[0])):
        points = _points(members)
        if len(points) > 1:
            steps = _steps([point.seconds for point in points])
            pasts.append(CaseHistory(row=members[0], points=points, steps=steps))
    return pasts


def _order(row: Measurement) -> tuple[str, str, str, float, str, str, int, str]:
    return (
        *(row.machine, row.environment or "", row.family, row.size, row.backend),
        *(row.dtype or "", row.all_threads or 0, repr(ground(row))),
    )


def _points(rows: Iterable[Measurement]) -> list[HistoryPoint]:
    commits = grouped(rows, lambda row: row.commit or "")
    points = [
        HistoryPoint(
            commit=commit,
            committed=min(row.committed or "" for row in members),
            seconds=median(row.seconds or 0.0 for row in members),
        )
        for commit, members in commits.items()
    ]
    return sorted(points, key=lambda point: (point.committed, point.commit))


def _steps(seconds: Sequence[float]) -> list[Segment]:
    stretches = level_stretches(seconds)
    levels = [seconds[first : last + 1] for first, last in stretches]
    changes = [None, *(_change(before, after) for before, after in pairwise(levels))]
    return [
        Segment(first=first, last=last, level=of_times(level), change=change)
        for (first, last), level, change in zip(stretches, levels, changes, strict=True)
    ]


def _change(before: Sequence[float], after: Sequence[float]) -> Interval:
    """Return the change as ratio − 1 and its interval: Welch's with trimmed means of logarithms."""
    old, old_error, old_freedom = trimmed(np.log(before))
    new, new_error, new_freedom = trimmed(np.log(after))
    change = float(new - old)
    if not old_freedom or not new_freedom:
        return Interval(_share(change), None, None)
    error, freedom = welch((float(old_error), float(new_error)), (old_freedom, new_freedom))
    reach = error * quantile(freedom, CONFIDENCE)
    return Interval(_share(change), _share(change - reach), _share(change + reach))


def _share(logarithm: float) -> float:
    """Return a ratio − 1 from its logarithm, at most the largest float."""
    return expm1(min(logarithm, LARGEST_LOG))


def level_stretches(seconds: Sequence[float]) -> list[tuple[int, int]]:
    """Return the first and last index of each stretch of equal level; together they are the series.

    They come from `asv.step_detect.detect_steps`: a piecewise constant fit (a Potts model) that
    minimises the sum of absolute deviations, as asv's pages call it but for its weights, which rows
    do not keep. It takes 25 ms for 500 values with asv's compiled helper, 0.1 s where asv was
    installed without. Readers leave out impossible seconds: of much larger ratios the search would
    not end.
    """
    from asv.step_detect import detect_steps  # importing asv takes a tenth of a second

    middle = median(seconds)
    levels = detect_steps([value / middle for value in seconds])
    return [(left, right - 1) for left, right, *_ in levels]
