"""What stands beside times of mini-batches: rows per second, and the time of an epoch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from perceptron.analysis.interval import Interval, of_times
from perceptron.analysis.select import current, has_time, times
from perceptron.analysis.throughput import Epoch, epoch_of, shared_epoch
from perceptron.records.ground import Ground, ground
from perceptron.records.measurement import Measurement
from perceptron.report.numbers import NONE, count, duration, duration_interval, rows_per_second
from perceptron.report.size_axis import size_axis
from perceptron.report.tables.terminal import table

TITLE = "Mini-batches: the fastest at each size [95 % interval]"
COLUMNS = ("family", "size>", "threads in all>", "fastest", "per iteration>")
EPOCH_COLUMNS = ("throughput>", "per epoch>")


def show(rows: Iterable[Measurement]) -> None:
    """Print the fastest backend at each size of families that are trained in batches, if any."""
    lines = throughput_cells(rows)
    if lines:
        table(TITLE, (*COLUMNS, *EPOCH_COLUMNS), lines)


def throughput_cells(rows: Iterable[Measurement]) -> list[tuple[str, ...]]:
    """Return a row of text for each size of a family in batches: the fastest, its time and rate."""
    groups: dict[tuple[str, Ground], list[Measurement]] = {}
    for row in rows:
        if has_time(row) and epoch_of(row) is not None:
            groups.setdefault((row.family, ground(row)), []).append(row)
    return [cells for members in groups.values() for cells in _of_family(current(members))]


def epoch_cells(epoch: Epoch | None, seconds: float | None) -> tuple[str, str]:
    """Return the cells below `EPOCH_COLUMNS` of a time per iteration; dashes if not in batches."""
    if epoch is None or seconds is None:
        return NONE, NONE
    return rows_per_second(epoch.rows_per_second(seconds)), duration(epoch.seconds(seconds))


def with_epochs(
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    rates: Iterable[tuple[Epoch | None, float | None]],
) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return a table with `EPOCH_COLUMNS` if any of its rows is of batches, else as it is.

    ``rates`` are the epoch and the seconds of an iteration of its rows, in their order.
    """
    lines, rates = [tuple(row) for row in rows], list(rates)
    if all(epoch is None for epoch, _ in rates):
        return tuple(columns), lines
    cells = zip(lines, rates, strict=True)
    return (*columns, *EPOCH_COLUMNS), [(*line, *epoch_cells(*rate)) for line, rate in cells]


def _of_family(rows: Sequence[Measurement]) -> Iterator[tuple[str, ...]]:
    sizes: dict[float, list[Measurement]] = {}
    for row in rows:
        sizes.setdefault(row.size, []).append(row)
    for size in sorted(sizes):
        here = sizes[size]
        epoch = shared_epoch(here)
        if epoch is None:  # of two problems
            continue
        time, backend = _fastest(here)
        yield (
            here[0].family,
            _size(here[0]),
            NONE if here[0].threads is None else str(here[0].threads),
            backend,
            duration_interval(time.estimate, time.low, time.high),
            *epoch_cells(epoch, time.estimate),
        )


def _size(row: Measurement) -> str:
    numbers = row.sizes or (row.size,)
    axes = row.axes if len(row.axes) == len(numbers) else (size_axis(row.family),)
    return f"{' × '.join(axes)} {' × '.join(map(count, numbers))}"


def _fastest(rows: Sequence[Measurement]) -> tuple[Interval, str]:
    values = [
        (of_times(list(times(rows, backend).values())), backend)
        for backend in dict.fromkeys(row.backend for row in rows)
    ]
    return min(values, key=lambda value: value[0].estimate)
