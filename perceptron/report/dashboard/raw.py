"""The page of raw data: every row, as it was measured."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from perceptron.analysis.stored.collection import Collection
from perceptron.records.measurement import Measurement
from perceptron.report.dashboard.names import machine_name
from perceptron.untrusted_text import shortened

# Rows that one file holds: a browser reads as many in a tenth of a second.
ROWS = 20_000
_LONGEST = 400

_COLUMNS = (
    ("source", "source", ""),
    ("machine", "machine", ""),
    ("commit", "commit", ""),
    ("when", "when", ""),
    ("family", "family", ""),
    ("size", "size", "#"),
    ("phase", "phase", ""),
    ("backend", "backend", ""),
    ("device", "device", ""),
    ("dtype", "dtype", ""),
    ("threads", "threads", "#"),
    ("process", "process", "#"),
    ("seconds", "per iteration, s", "s"),
    ("stdev", "standard deviation as stated, s", "s"),
    ("iterations", "iterations in a sample", "#"),
    ("samples", "samples", "#"),
    ("prepare_seconds", "to prepare, s", "s"),
    ("peak_bytes", "peak memory, bytes", "B"),
    ("status", "status", ""),
    ("reason", "reason", ""),
)


class Raw(Struct, frozen=True):
    """The page's own document, and the rows of each of its files."""

    index: dict[str, Any]
    files: dict[str, list[list[object]]]


def raw_data(collection: Collection) -> Raw:
    """Return the rows of each machine, in files that a browser can take."""
    groups: dict[str, list[Measurement]] = {}
    for row in collection.rows:
        groups.setdefault(machine_name(row.machine, row.source), []).append(row)
    order = {name: index for index, name in enumerate(groups)}
    parts: list[dict[str, Any]] = []
    files: dict[str, list[list[object]]] = {}
    for name in sorted(groups, key=lambda name: order[name]):
        members = groups[name]
        for start in range(0, len(members), ROWS):
            some = members[start : start + ROWS]
            file = f"raw/{len(parts)}"
            several = f", {start + 1:,}–{start + len(some):,}" if len(members) > ROWS else ""
            label = f"{shortened(name)} ({len(members):,} rows{several})"
            parts.append({"label": label, "file": file, "rows": len(some)})
            files[file] = [_values(row) for row in some]
    columns = [
        {"id": field, "name": name, "kind": "number" if unit else "text"}
        for field, name, unit in _COLUMNS
    ]
    return Raw({"columns": columns, "parts": parts}, files)


def _values(row: Measurement) -> list[object]:
    return [_value(row, field) for field, _, _ in _COLUMNS]


def _value(row: Measurement, field: str) -> object:
    value = getattr(row, field)
    if field == "samples":
        return len(value)
    return shortened(value, _LONGEST) if isinstance(value, str) else value
