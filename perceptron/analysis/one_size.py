"""Families of one size: there is no size to compare along, so the times themselves are shown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from perceptron.analysis.contention import Contention, contention, with_contended
from perceptron.analysis.crossover.rates import Rate, with_rates
from perceptron.analysis.finding import FAMILY
from perceptron.analysis.interval import of_times
from perceptron.analysis.over_processes import OF_EACH, threads_of_each
from perceptron.analysis.select import reason, times
from perceptron.analysis.throughput import shared_epoch, shared_models
from perceptron.answer import Table
from perceptron.numbers import duration_interval
from perceptron.records.ground import ground
from perceptron.records.measurement import Measurement

COLUMNS = ("family", "backend", "threads", "time per iteration [95% interval]")


def single_tables(rows: Iterable[Measurement]) -> list[Table]:
    """Return the times of families of one size, the finding's aside; no table without any."""
    rows = list(rows)
    lines = _lines(rows)
    columns, cells = with_rates(
        _columns(rows), (line.cells for line in lines), (line.rate for line in lines)
    )
    columns, cells = with_contended(columns, cells, (line.contention for line in lines))
    return [Table(title="One size", columns=columns, rows=tuple(cells))] if cells else []


def _columns(rows: Iterable[Measurement]) -> tuple[str, ...]:
    """Return the headings; where some train over several processes, all say how many."""
    several = _are_several(rows)
    return tuple(OF_EACH if several and name == "threads" else name for name in COLUMNS)


def _are_several(rows: Iterable[Measurement]) -> bool:
    return any((row.processes or 1) > 1 for row in rows)


class _Line(NamedTuple):
    """The cells of a backend, and what else is known of its times."""

    cells: tuple[str, ...]
    rate: Rate
    contention: Contention


def _lines(rows: Iterable[Measurement]) -> list[_Line]:
    families: dict[str, list[Measurement]] = {}
    for row in rows:
        families.setdefault(row.family, []).append(row)
    several = _are_several(row for members in families.values() for row in members)
    return [
        line
        for family, members in families.items()
        if family != FAMILY and len({(row.size, row.problem) for row in members}) == 1
        for line in _cells(family, members, several)
    ]


def _cells(family: str, rows: list[Measurement], several: bool) -> Iterable[_Line]:
    for where, backend in dict.fromkeys((ground(row), row.backend) for row in rows):
        members = [row for row in rows if ground(row) == where]
        seconds = list(times(members, backend).values())
        because = reason(members, backend)
        answer = f"not measured: {because}"
        time = of_times(seconds) if seconds else None
        if time is not None:
            answer = duration_interval(time.estimate, time.low, time.high)
            answer += f", then no more: {because}" if because else ""
        own = [row for row in members if row.backend == backend]
        threads = threads_of_each(own[0]) if several else str(where.threads)
        yield _Line(
            cells=(family, backend, threads, answer),
            rate=Rate(
                shared_epoch(own), shared_models(own), None if time is None else time.estimate
            ),
            contention=contention(own),
        )
