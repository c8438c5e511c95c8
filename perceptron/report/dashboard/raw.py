"""The page of raw data: every row, as it was measured."""

from __future__ import annotations

from perceptron.analysis.select import has_time
from perceptron.analysis.stored.collection import Collection
from perceptron.analysis.throughput import epoch_of
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
    machines: dict[str, list[list[Value]]] = {}
    for row in collection.rows:
        machines.setdefault(machine_name(row.machine, row.source), []).append(_values(row))
    headings = [heading(field, name, bool(unit)) for field, name, unit in _COLUMNS]
    title = "What was measured, as stored. – means not measured."
    return long_table("raw", title, headings, machines)


def _values(row: Measurement) -> list[Value]:
    derived = {"samples": len(row.samples), **_rates(row)}
    return [derived[field] if field in derived else getattr(row, field) for field, _, _ in _COLUMNS]


def _rates(row: Measurement) -> dict[str, Value]:
    """Return what the row's time means for mini-batches; of full batches nothing."""
    rates: dict[str, Value] = {"rows_per_second": None, "epoch_seconds": None}
    epoch = epoch_of(row)
    if epoch is not None and row.seconds is not None and has_time(row):
        rates["rows_per_second"] = float(f"{epoch.rows_per_second(row.seconds):.6g}")
        rates["epoch_seconds"] = float(f"{epoch.seconds(row.seconds):.6g}")
    return rates
