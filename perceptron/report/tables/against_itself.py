"""A backend against itself: whether our intervals hold the ratio that is known, as Markdown.

Rows are judged as those of two backends are: by processes that were not disturbed, and where these
are too few by intervals as much wider as waiting may hide.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import exp, expm1, isfinite
from statistics import median

from perceptron.analysis.crossover.points import Point, points_of
from perceptron.analysis.interval import CONFIDENCE
from perceptron.analysis.select import has_time
from perceptron.records.measurement import Measurement
from perceptron.records.speeds import SelfRatios, SelfRound, Side, Speeds
from perceptron.report.numbers import NONE, count, digits, percent
from perceptron.report.tables import markdown

COLUMNS = (
    "a backend against itself",
    "quiet: intervals that hold 1",
    "median ratio",
    "median width",
    "one busy neighbour: intervals that hold 1",
    "median ratio",
    "median width",
)


def against_itself_lines(speeds: Speeds) -> list[str]:
    """Return a table with a line for each backend; nothing where none was measured."""
    both = [*(speeds.quiet.alike or []), *(speeds.busy.alike or [])]
    backends = dict.fromkeys(ratios.backend for ratios in both)
    rows = [_line(speeds, backend) for backend in backends]
    return markdown.table(COLUMNS, rows) if rows else []


def _line(speeds: Speeds, backend: str) -> tuple[str, ...]:
    sides = (_of(speeds.quiet, backend), _of(speeds.busy, backend))
    threads = next(ratios.threads for ratios in sides if ratios is not None)
    plural = "s" if threads > 1 else ""
    cells = [cell for ratios in sides for cell in _cells(ratios)]
    return (f"`{backend}`, {threads} thread{plural}", *cells)


def _of(side: Side, backend: str) -> SelfRatios | None:
    return next((ratios for ratios in side.alike or [] if ratios.backend == backend), None)


def _cells(ratios: SelfRatios | None) -> tuple[str, str, str]:
    if ratios is None:
        return "not measured", NONE, NONE
    lost = sum(map(_lost, ratios.rounds))
    points = [point for round_ in ratios.rounds for point in _points(round_)]
    told = [point for point in points if not point.says_nothing]
    usable = [point for point in told if isfinite(point.reach(CONFIDENCE))]
    missing = f", {count(lost)} without a time" if lost else ""
    if len(told) < len(points):
        missing += f", {count(len(points) - len(told))} too contended to say"
    if not usable:
        return f"no interval{missing}", NONE, NONE
    ends = [point.interval(CONFIDENCE) for point in usable]
    hold = sum(low <= 0.0 <= high for low, high in ends)
    return (
        f"{hold} of {len(usable)}{missing}",
        digits(exp(median(point.mean for point in usable)), 4),
        percent(expm1(median(high - low for low, high in ends))),
    )


def _points(round_: SelfRound) -> list[Point]:
    """Return the points of all families: sizes of one lend each other what processes vary by."""
    families = sorted({row.family for row in round_.first})
    return [
        point
        for family in families
        for point in points_of(_by_size(round_.first, family), _by_size(round_.second, family))
    ]


def _by_size(rows: Iterable[Measurement], family: str) -> dict[float, list[Measurement]]:
    by_size: dict[float, list[Measurement]] = {}
    for row in rows:
        if row.family == family and has_time(row):
            by_size.setdefault(row.size, []).append(row)
    return by_size


def _lost(round_: SelfRound) -> int:
    return sum(not has_time(row) for row in (*round_.first, *round_.second))
