"""Families of one size: there is no size to compare along, so the times themselves are shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from perceptron.analysis.contention import Contention, contention, with_contended
from perceptron.analysis.crossover.rates import Rate, with_rates
from perceptron.analysis.finding import FAMILY
from perceptron.analysis.interval import of_times
from perceptron.analysis.select import reason, times
from perceptron.analysis.throughput import shared_epoch, shared_models
from perceptron.answer import Table
from perceptron.grouping import grouped
from perceptron.numbers import NONE, duration_interval
from perceptron.records.ground import ground
from perceptron.records.measurement import Measurement


class _Line(NamedTuple):
    """The cells of a backend, and what else is known of its times."""

    cells: tuple[str, ...]
    rate: Rate
    contention: Contention


def single_tables(rows: Iterable[Measurement]) -> list[Table]:
    """Return the times of families of one size, the finding's aside; no table without any.

    Where some train over several processes, all say how many.
    """
    rows = list(rows)
    over_processes = any((row.processes or 1) > 1 for row in rows)
    families = grouped(rows, lambda row: row.family)
    lines = [
        line
        for family, members in families.items()
        if family != FAMILY and len({(row.size, row.problem) for row in members}) == 1
        for line in _lines(family, members, over_processes)
    ]
    threads = "processes × threads" if over_processes else "threads"
    columns, cells = with_rates(
        ("family", "backend", threads, "time per iteration [95% interval]"),
        (line.cells for line in lines),
        (line.rate for line in lines),
    )
    columns, cells = with_contended(columns, cells, (line.contention for line in lines))
    return [Table(title="One size", columns=columns, rows=tuple(cells))] if cells else []


def _lines(family: str, rows: Sequence[Measurement], over_processes: bool) -> Iterator[_Line]:
    for where, backend in dict.fromkeys((ground(row), row.backend) for row in rows):
        own = [row for row in rows if ground(row) == where and row.backend == backend]
        seconds = list(times(own, backend).values())
        because = reason(own, backend)
        answer = f"not measured: {because}"
        time = of_times(seconds) if seconds else None
        if time is not None:
            answer = duration_interval(time.estimate, time.low, time.high)
            answer += f", then no more: {because}" if because else ""
        threads = str(where.threads)
        if over_processes:
            one = own[0]
            threads = NONE if one.threads is None else f"{one.processes or 1} × {one.threads}"
        yield _Line(
            cells=(family, backend, threads, answer),
            rate=Rate(
                shared_epoch(own), shared_models(own), None if time is None else time.estimate
            ),
            contention=contention(own),
        )
