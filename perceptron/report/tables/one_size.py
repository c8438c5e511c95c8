"""Families of one size: there is no size to compare along, so the times themselves are shown."""

from __future__ import annotations

from collections.abc import Iterable

from perceptron.analysis.disturbance import Disturbance, disturbance
from perceptron.analysis.interval import of_times
from perceptron.analysis.select import reason, times
from perceptron.analysis.stored.finding import FAMILY
from perceptron.records.measurement import Measurement
from perceptron.report.numbers import duration_interval
from perceptron.report.tables.disturbed import with_disturbed
from perceptron.report.tables.terminal import table

COLUMNS = ("family", "backend", "threads", "time per iteration [95 % interval]")


def show(rows: Iterable[Measurement]) -> None:
    """Print the times of families of one size, if there are any."""
    columns, lines = single_table(rows)
    if lines:
        table("One size", columns, lines)


def single_table(rows: Iterable[Measurement]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return headings and `single_cells`, and how far these were disturbed if any was."""
    lines = _lines(rows)
    return with_disturbed(COLUMNS, (cells for cells, _ in lines), (what for _, what in lines))


def single_cells(rows: Iterable[Measurement]) -> list[tuple[str, ...]]:
    """Return a row of text for each backend of each family of one size, the finding's aside."""
    return [cells for cells, _ in _lines(rows)]


def _lines(rows: Iterable[Measurement]) -> list[tuple[tuple[str, ...], Disturbance]]:
    families: dict[str, list[Measurement]] = {}
    for row in rows:
        families.setdefault(row.family, []).append(row)
    return [
        line
        for family, members in families.items()
        if family != FAMILY and len({(row.size, row.problem) for row in members}) == 1
        for line in _cells(family, members)
    ]


def _cells(family: str, rows: list[Measurement]) -> Iterable[tuple[tuple[str, ...], Disturbance]]:
    for threads, backend in dict.fromkeys((row.threads, row.backend) for row in rows):
        members = [row for row in rows if row.threads == threads]
        seconds = list(times(members, backend).values())
        because = reason(members, backend)
        answer = f"not measured: {because}"
        if seconds:
            time = of_times(seconds)
            answer = duration_interval(time.estimate, time.low, time.high)
            answer += f", then no more: {because}" if because else ""
        own = disturbance(row for row in members if row.backend == backend)
        yield (family, backend, str(threads), answer), own
