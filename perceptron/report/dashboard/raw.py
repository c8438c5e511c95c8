"""The page of raw data: every measured row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from operator import attrgetter

from perceptron.questions.collection import Collection
from perceptron.records.comparison_key import machine_label
from perceptron.records.grouping import grouped
from perceptron.records.measurement import Measurement
from perceptron.report.dashboard.large_table import Column, LargeTable, Value
from perceptron.statistics.select import has_time
from perceptron.statistics.throughput import Epoch, epoch_of, models_of

_COLUMNS = (
    Column("source", "source"),
    Column("machine", "machine"),
    Column("commit", "commit"),
    Column("when", "when"),
    Column("family", "family"),
    Column("size", "size", is_number=True),
    Column("rows", "rows", is_number=True),
    Column("batch", "batch", is_number=True),
    Column("optimizer", "optimizer"),
    Column("feed", "feed"),
    Column("outputs", "outputs", is_number=True),
    Column("models", "batched models", is_number=True),
    Column("folds", "a test fold for each"),
    Column("phase", "phase"),
    Column("backend", "backend"),
    Column("device", "device"),
    Column("dtype", "dtype"),
    Column("processes", "processes that train together", is_number=True),
    Column("threads", "threads of each", is_number=True),
    Column("repeat", "repeat", is_number=True),
    Column("seconds", "per iteration, s", is_number=True),
    Column("device_seconds", "the device's own per iteration, s", is_number=True),
    Column("energy_joules", "energy per iteration, J", is_number=True),
    Column("rows_per_second", "rows per second", is_number=True),
    Column("epoch_seconds", "per epoch, s", is_number=True),
    Column("model_seconds", "per iteration and model, s", is_number=True),
    Column("stdev", "standard deviation as stated, s", is_number=True),
    Column("iterations", "iterations in a sample", is_number=True),
    Column("samples", "samples", is_number=True),
    Column("contended", "samples contended and dropped", is_number=True),
    Column("waited", "share of the samples' time that threads waited", is_number=True),
    Column("prepare_seconds", "setup, s", is_number=True),
    Column("peak_bytes", "peak memory, bytes", is_number=True),
    Column("status", "status"),
    Column("reason", "reason"),
)


def raw_tables(collection: Collection) -> Iterator[LargeTable]:
    """Yield the rows of each machine: of up to a million, a page shows some."""
    by_machine = grouped(collection.rows, lambda row: machine_label(row.machine, row.source))
    for name, members in by_machine.items():
        title = "What was measured, as stored. – means not measured."
        yield LargeTable(label=name, title=title, columns=_COLUMNS, rows=members, make=_values)


def _of_epoch(meaning: Callable[[Epoch, float], float]) -> Callable[[Measurement], Value]:
    """Return a function for the meaning of mini-batch times; None for full batches."""

    def derive(row: Measurement) -> float | None:
        epoch = epoch_of(row)
        if epoch is None or row.seconds is None or not has_time(row):
            return None
        return float(f"{meaning(epoch, row.seconds):.6g}")

    return derive


def _model_seconds(row: Measurement) -> float | None:
    """Return the seconds of one of several models; None for a single one."""
    models = models_of(row)
    if models == 1 or row.seconds is None or not has_time(row):
        return None
    return float(f"{row.seconds / models:.6g}")


_DERIVED: dict[str, Callable[[Measurement], Value]] = {
    "rows_per_second": _of_epoch(Epoch.rows_per_second),
    "epoch_seconds": _of_epoch(Epoch.seconds),
    "model_seconds": _model_seconds,
    "folds": lambda row: "yes" if row.folds else None,
    "samples": lambda row: len(row.samples),
}
_DERIVED_COLUMNS = [
    (index, _DERIVED[column.id]) for index, column in enumerate(_COLUMNS) if column.id in _DERIVED
]
# Derived columns have a placeholder.
_stored = attrgetter(*("size" if column.id in _DERIVED else column.id for column in _COLUMNS))


def _values(row: Measurement) -> list[Value]:
    values = list(_stored(row))
    for index, derive in _DERIVED_COLUMNS:
        values[index] = derive(row)
    return values
