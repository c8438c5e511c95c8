"""The page of raw data: every row, as it was measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import overload

from perceptron.analysis.select import has_time
from perceptron.analysis.stored.collection import Collection
from perceptron.analysis.throughput import epoch_of, models_of
from perceptron.records.measurement import Measurement
from perceptron.report.dashboard.long_table import LongTable, Value, heading, long_table
from perceptron.report.dashboard.names import machine_name

_COLUMNS = (
    ("source", "source", ""),
    ("machine", "machine", ""),
    ("commit", "commit", ""),
    ("when", "when", ""),
    ("family", "family", ""),
    ("size", "size", "#"),
    ("rows", "rows", "#"),
    ("batch", "batch", "#"),
    ("optimizer", "optimizer", ""),
    ("feed", "feed", ""),
    ("outputs", "outputs", "#"),
    ("models", "models at once", "#"),
    ("folds", "a fold held out from each", ""),
    ("phase", "phase", ""),
    ("backend", "backend", ""),
    ("device", "device", ""),
    ("dtype", "dtype", ""),
    ("processes", "processes that train together", "#"),
    ("threads", "threads of each", "#"),
    ("process", "process", "#"),
    ("seconds", "per iteration, s", "s"),
    ("device_seconds", "the device's own per iteration, s", "s"),
    ("energy_joules", "energy per iteration, J", "#"),
    ("rows_per_second", "rows per second", "#"),
    ("epoch_seconds", "per epoch, s", "s"),
    ("model_seconds", "per iteration and model, s", "s"),
    ("stdev", "standard deviation as stated, s", "s"),
    ("iterations", "iterations in a sample", "#"),
    ("samples", "samples", "#"),
    ("disturbed", "samples disturbed and dropped", "#"),
    ("waited", "share of the samples' time that threads waited", "#"),
    ("prepare_seconds", "to prepare, s", "s"),
    ("peak_bytes", "peak memory, bytes", "B"),
    ("status", "status", ""),
    ("reason", "reason", ""),
)


def raw_data(collection: Collection) -> LongTable:
    """Return the rows of each machine."""
    by_machine: dict[str, list[Measurement]] = {}
    for row in collection.rows:
        by_machine.setdefault(machine_name(row.machine, row.source), []).append(row)
    machines = {name: _Shown(members) for name, members in by_machine.items()}
    headings = [heading(field, name, bool(unit)) for field, name, unit in _COLUMNS]
    title = "What was measured, as stored. – means not measured."
    return long_table("raw", title, headings, machines)


class _Shown(Sequence[Sequence[Value]]):
    """Rows as the table shows them, made when they are asked for: there may be a million."""

    def __init__(self, rows: Sequence[Measurement]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> Sequence[Value]: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Sequence[Value]]: ...
    def __getitem__(self, index: int | slice) -> Sequence[Value] | Sequence[Sequence[Value]]:
        if isinstance(index, slice):
            return list(map(_values, self._rows[index]))
        return _values(self._rows[index])


def _rows_per_second(row: Measurement) -> float | None:
    """Return what the row's time means for mini-batches; of full batches nothing."""
    epoch = epoch_of(row)
    if epoch is None or row.seconds is None or not has_time(row):
        return None
    return float(f"{epoch.rows_per_second(row.seconds):.6g}")


def _epoch_seconds(row: Measurement) -> float | None:
    epoch = epoch_of(row)
    if epoch is None or row.seconds is None or not has_time(row):
        return None
    return float(f"{epoch.seconds(row.seconds):.6g}")


def _model_seconds(row: Measurement) -> float | None:
    """Return the seconds of one of several models; of one nothing."""
    models = models_of(row)
    if models == 1 or row.seconds is None or not has_time(row):
        return None
    return float(f"{row.seconds / models:.6g}")


_DERIVED: dict[str, Callable[[Measurement], Value]] = {
    "rows_per_second": _rows_per_second,
    "epoch_seconds": _epoch_seconds,
    "model_seconds": _model_seconds,
    "folds": lambda row: "yes" if row.folds else None,
    "samples": lambda row: len(row.samples),
}
_PLACES = [
    (place, _DERIVED[field]) for place, (field, _, _) in enumerate(_COLUMNS) if field in _DERIVED
]
_stored = attrgetter(*(field for field, _, _ in _COLUMNS if field not in _DERIVED))


def _values(row: Measurement) -> list[Value]:
    values = list(_stored(row))
    for place, derive in _PLACES:
        values.insert(place, derive(row))
    return values
