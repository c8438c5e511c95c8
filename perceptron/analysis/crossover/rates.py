"""Rates beside times: rows per second, the time of an epoch and of one model; the fastest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from perceptron.analysis.crossover.judge import crossovers
from perceptron.analysis.crossover.ranking import (
    names_words,
    ranked,
    ruled_out,
    ruled_out_side_by_side,
)
from perceptron.analysis.interval import of_times
from perceptron.analysis.select import current, has_time, reason, times
from perceptron.analysis.sizes import size_axis
from perceptron.analysis.throughput import (
    Epoch,
    epoch_of,
    models_of,
    shared_epoch,
    shared_models,
)
from perceptron.answer import Table
from perceptron.grouping import grouped
from perceptron.numbers import NONE, count, duration, duration_interval, rows_per_second
from perceptron.records.ground import ground
from perceptron.records.measurement import Measurement

TITLE = "The fastest at each size [95% interval]"
COLUMNS = ("family", "size>", "threads in all>", "fastest", "per iteration>")
EPOCH_COLUMNS = ("throughput>", "per epoch>")
MODEL_COLUMN = "per model>"


class Rate(NamedTuple):
    """The seconds of an iteration, and what it is a part of and a step of."""

    epoch: Epoch | None
    """None without batches."""
    models: int
    seconds: float | None
    """None if not measured."""


def fastest_tables(rows: Iterable[Measurement]) -> list[Table]:
    """Return a row for each size: the fastest, its time and rate; no table without any.

    It is about families that are trained in batches or whose problems are several models.
    At a size at which a single backend has a time none is the fastest: `without_rival` names it.
    """
    lines = [line for members in _told(rows) for line in _of_family(members)]
    columns, cells = with_rates(COLUMNS, (own for own, _ in lines), (rate for _, rate in lines))
    return [Table(title=TITLE, columns=columns, rows=tuple(cells))] if cells else []


def without_rival(rows: Iterable[Measurement]) -> list[str]:
    """Name the sizes at which only one backend has a time, and the backends without one."""
    rows = list(rows)
    lines = []
    for members in _told(rows):
        alone = grouped(
            (here[0] for here in _by_size(members) if len({row.backend for row in here}) == 1),
            lambda row: row.backend,
        )
        where = (members[0].family, ground(members[0]))
        own = [row for row in rows if (row.family, ground(row)) == where]
        for backend, at in alone.items():
            sizes = f"{_size(at[0])} to {_size(at[-1])}" if len(at) > 1 else _size(at[0])
            rivals = dict.fromkeys(row.backend for row in own if row.backend != backend)
            reasons = [f"{name}: {reason(own, name) or 'no time'}" for name in rivals] or [
                "nothing else was measured"
            ]
            lines.append(
                f"{where[0]}: only {backend} has a time at {sizes}, so none is the fastest there; "
                f"{'; '.join(reasons)}"
            )
    return lines


def _told(rows: Iterable[Measurement]) -> list[list[Measurement]]:
    """Return the current rows with a time of each family that there is something to tell of."""
    groups = grouped(filter(has_time, rows), lambda row: (row.family, ground(row)))
    return [
        current(members)
        for members in groups.values()
        if any(epoch_of(row) is not None or models_of(row) > 1 for row in members)
    ]


def epoch_cells(epoch: Epoch | None, seconds: float | None) -> tuple[str, str]:
    """Return the cells below `EPOCH_COLUMNS` of a time per iteration; dashes if not in batches."""
    if epoch is None or seconds is None:
        return NONE, NONE
    return rows_per_second(epoch.rows_per_second(seconds)), duration(epoch.seconds(seconds))


def with_rates(
    columns: Sequence[str], rows: Iterable[Sequence[str]], rates: Iterable[Rate]
) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return a table with what the times of its rows mean, in their order.

    It has `EPOCH_COLUMNS` if any of its rows is of batches, and `MODEL_COLUMN` if any is of several
    models.
    """
    lines, rates = [tuple(row) for row in rows], list(rates)
    if any(rate.epoch is not None for rate in rates):
        columns = (*columns, *EPOCH_COLUMNS)
        lines = [
            (*line, *epoch_cells(rate.epoch, rate.seconds))
            for line, rate in zip(lines, rates, strict=True)
        ]
    if any(rate.models > 1 for rate in rates):
        columns = (*columns, MODEL_COLUMN)
        lines = [(*line, _of_one(rate)) for line, rate in zip(lines, rates, strict=True)]
    return tuple(columns), lines


def _of_one(rate: Rate) -> str:
    return NONE if rate.seconds is None else duration(rate.seconds / rate.models)


def _by_size(rows: Iterable[Measurement]) -> list[list[Measurement]]:
    sizes = grouped(rows, lambda row: row.size)
    return [sizes[size] for size in sorted(sizes)]


def _of_family(rows: Sequence[Measurement]) -> Iterator[tuple[tuple[str, ...], Rate]]:
    decided = ruled_out(crossovers(rows))
    for here in _by_size(rows):
        epoch = shared_epoch(here)
        if epoch is None and any(epoch_of(row) is not None for row in here):  # of two problems
            continue
        seconds = {
            backend: of_times(list(times(here, backend).values()))
            for backend in dict.fromkeys(row.backend for row in here)
        }
        if len(seconds) < 2:
            continue
        best, unsure = ranked(
            seconds, ruled_out_side_by_side(here, seconds) | decided.get(here[0].size, {})
        )
        time = seconds[best]
        cells = (
            here[0].family,
            _size(here[0]),
            NONE if here[0].threads is None else str(here[0].threads),
            names_words(best, unsure),
            duration_interval(time.estimate, time.low, time.high),
        )
        yield cells, Rate(epoch, shared_models(here), time.estimate)


def _size(row: Measurement) -> str:
    numbers = row.sizes or (row.size,)
    axes = row.axes if len(row.axes) == len(numbers) else (size_axis(row.family),)
    return f"{' × '.join(axes)} {' × '.join(map(count, numbers))}"
