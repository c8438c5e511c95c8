"""Families of one size: there is no size to compare along, so the times themselves are shown."""

from __future__ import annotations

from collections.abc import Iterable

from perceptron.analysis.interval import of_times
from perceptron.analysis.select import reason, times
from perceptron.analysis.stored.finding import FAMILY
from perceptron.records.measurement import Measurement
from perceptron.report.numbers import duration_interval

COLUMNS = ("family", "backend", "threads", "time per iteration [95 % interval]")


def single_cells(rows: Iterable[Measurement]) -> list[tuple[str, ...]]:
    """A row of text for each backend of each family of one size, the finding's aside."""
    families: dict[str, list[Measurement]] = {}
    for row in rows:
        families.setdefault(row.family, []).append(row)
    return [
        cells
        for family, members in families.items()
        if family != FAMILY and len({(row.size, row.problem) for row in members}) == 1
        for cells in _cells(family, members)
    ]


def _cells(family: str, rows: list[Measurement]) -> Iterable[tuple[str, ...]]:
    for threads, backend in dict.fromkeys((row.threads, row.backend) for row in rows):
        members = [row for row in rows if row.threads == threads]
        seconds = list(times(members, backend).values())
        because = reason(members, backend)
        told = f"not measured: {because}"
        if seconds:
            found = of_times(seconds)
            told = duration_interval(found.estimate, found.low, found.high)
            told += f", then no more: {because}" if because else ""
        yield family, backend, str(threads), told
