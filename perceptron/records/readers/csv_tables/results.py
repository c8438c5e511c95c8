"""Read a table of times published as CSV.

The header names at least ``case``, ``size``, ``backend`` and ``seconds``, in any order and case;
``device``, ``stdev``, ``dtype``, ``machine``, ``threads``, ``commit``, ``environment``,
``version`` (of the benchmark), ``batch`` (rows of an iteration), ``optimizer``, ``feed``,
``outputs`` and ``models`` (trained at once) may be there, and everything else is ignored. A case
whose size is its batch in every row varies along the batch, and so with the models.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from operator import attrgetter
from pathlib import Path
from typing import BinaryIO

from msgspec.structs import replace

from perceptron.errors import UserError
from perceptron.records.ground import BATCH, MODELS
from perceptron.records.readers.csv_tables.records import RecordReader
from perceptron.records.readers.csv_tables.rows import MOST_ROWS, TableRows, too_many
from perceptron.records.readers.csv_tables.table import Table
from perceptron.records.readers.shared.foreign_rows import ForeignRow
from perceptron.records.readers.shared.reading import ReadingNotes, ReadRequest
from perceptron.untrusted_text import quoted

_MOST_NAMED = 3
_NO_OTHERS: Mapping[str, str] = {}


def read_csv(
    file: Path, content: BinaryIO, request: ReadRequest, notes: ReadingNotes
) -> list[ForeignRow]:
    """Return a row for each line of the table; one without a time says why in its ``reason``.

    Rows with equal fields but for times are one more process each, see
    `processes`; where these are very many, some are joined (see `TableRows`) and counted in
    ``notes.joined``. Raises `UserError` that names the file, the row (the number of its first
    line in the file) and the column.
    """
    table = Table(file, content, request.separator)
    with _garbage_collection_off():
        reader = RecordReader(table, request, notes)
        reader.read()
        if not reader.records:
            raise UserError(f"{file}: no rows after the header; nothing can be compared")
        rows = reader.rows
        _name_axes(rows)
        _complain_of_devices(table, rows, notes)
        most = rows.most_repeats()
        if rows.kept(most) > MOST_ROWS:
            raise too_many(file)
        foreign_rows = [ForeignRow(row=row, others=_NO_OTHERS) for row in rows.rows(most)]
    _count_joined(file, rows, most, len(foreign_rows), notes)
    return foreign_rows


@contextmanager
def _garbage_collection_off() -> Iterator[None]:
    """Look for no cycles among millions of rows, which have none."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _name_axes(rows: TableRows) -> None:
    """Note of each case whose size is its batch, or its models, that it varies along those."""
    for axis in (BATCH, MODELS):
        value = attrgetter(axis)
        fixed = {row.family for row in rows.first if value(row) not in (None, row.size)}
        for subject, row in enumerate(rows.first):
            if value(row) is not None and row.family not in fixed:
                rows.first[subject] = replace(row, axes=(axis,))


def _complain_of_devices(table: Table, rows: TableRows, notes: ReadingNotes) -> None:
    """Warn of backends of which some rows state a device and others none."""
    if "device" not in table.columns:
        return
    stated: set[str] = set()
    not_stated: Counter[str] = Counter()
    for row, count in zip(rows.first, rows.counts, strict=True):
        if row.device is None:
            not_stated[row.backend] += count
        else:
            stated.add(row.backend)
    partly = [backend for backend in not_stated if backend in stated]
    if not partly:
        return
    shown = ", ".join(map(quoted, partly[:_MOST_NAMED]))
    more = f" and {len(partly) - _MOST_NAMED} more" if len(partly) > _MOST_NAMED else ""
    count = sum(not_stated[backend] for backend in partly)
    notes.complain(
        table.file,
        f"column 'device': {_counted(count, 'row')} of {shown}{more} without one, though others of "
        "the same backend state it; only these are named backend:device",
        "state the device in every row",
        "device-not-stated",
    )


def _count_joined(
    file: Path, rows: TableRows, most: int, returned: int, notes: ReadingNotes
) -> None:
    """Count the rows that were joined, and warn of it."""
    if returned == len(rows):
        return
    notes.joined += len(rows) - returned
    joined = [count for count in rows.counts if count > most]
    notes.complain(
        file,
        f"{_counted(sum(joined), 'row')} of {_counted(len(joined), 'case')} were joined into "
        f"{len(joined) * most:,}, each the median of consecutive ones: there are more than "
        f"{most:,} of a case",
        f"give at most {most:,} rows of each to have every one judged by itself",
        "rows-joined",
    )


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
