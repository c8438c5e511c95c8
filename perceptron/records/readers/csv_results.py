"""Read a table of times published as CSV.

The header names at least ``case``, ``size``, ``backend`` and ``seconds``, in any order and case;
``device``, ``stdev``, ``dtype``, ``machine`` and ``threads`` may be there, and everything else is
ignored.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from operator import itemgetter
from pathlib import Path
from typing import BinaryIO

from perceptron.errors import UserError
from perceptron.records.measurement import Measurement
from perceptron.records.readers.csv_fields import (
    WrongField,
    needed_text,
    outcome_of,
    plain_seconds,
    size_of,
    stdev_of,
    text_of,
    threads_of,
)
from perceptron.records.readers.csv_points import Points
from perceptron.records.readers.csv_rows import TableRows
from perceptron.records.readers.csv_table import NEEDED, OPTIONAL, Table, is_blank
from perceptron.records.readers.foreign_rows import ForeignRow
from perceptron.records.readers.reading import NOT_ASKED_FOR, ReadingNotes, ReadRequest
from perceptron.untrusted_text import quoted

# What equal rows have in common.
_KEY = tuple(name for name in (*NEEDED, *OPTIONAL) if name not in ("seconds", "stdev"))
# A table of more repeats little, and to remember them all takes as much memory as their rows.
_MOST_REMEMBERED = 100_000
_MOST_NAMED = 3
_NO_OTHERS: Mapping[str, str] = {}


def read_csv(
    file: Path, content: BinaryIO, request: ReadRequest, notes: ReadingNotes
) -> list[ForeignRow]:
    """Return a row for each line of the table; one without a time says why in its ``reason``.

    Equal (case, size, backend, device, dtype, machine, threads) are one more process each, see
    `processes`; where these are very many, some are joined (see `TableRows`) and counted in
    ``notes.joined``. Raises `UserError` that names the file, the row (the number of its first
    line in the file) and the column.
    """
    table = Table(file, content, request.separator)
    with _garbage_collection_off():
        reader = _Reader(table, request, notes)
        reader.read()
        if not reader.records:
            raise UserError(f"{file}: no rows after the header; nothing can be compared")
        rows = reader.rows
        _complain_of_devices(table, rows, notes)
        most = rows.most_repeats()
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


class _Reader:
    """Reads the records of a table; of equal ones all but the times is understood once."""

    def __init__(self, table: Table, request: ReadRequest, notes: ReadingNotes) -> None:
        self.rows = TableRows()
        self.records = 0
        self._table = table
        self._file = str(table.file)
        self._wants = lru_cache(maxsize=4096)(request.wants)
        self._notes = notes
        self._points = Points(table)
        self._at = table.columns
        self._key_of = itemgetter(*(self._at[name] for name in _KEY if name in self._at))
        self._subjects: dict[tuple[str, ...], int] = {}

    def read(self) -> None:
        """Read all records."""
        row = not_asked_for = 0
        try:
            for row, fields in self._table:
                if self._is_repeat(row, fields):
                    self.records += 1
                elif not is_blank(fields):
                    self.records += 1
                    if self._is_asked_for(fields):
                        self._add(row, self._table.fitted(row, fields))
                    else:
                        not_asked_for += 1
        except WrongField as wrong:
            raise UserError(f"{self._file}, row {row}, {wrong}") from None
        self._points.must_be_settled()
        self._notes.leave_out(not_asked_for, NOT_ASKED_FOR)

    def _is_repeat(self, row: int, fields: list[str]) -> bool:
        """Add a row whose subject is known and whose time is plain, as nearly all are."""
        if len(fields) != self._table.width:
            return False
        subject = self._subjects.get(self._key_of(fields))
        if subject is None:
            return False
        seconds = plain_seconds(fields[self._at["seconds"]])
        if seconds is None:
            return False
        self._look_at_points(row, fields, "seconds")
        self.rows.add(subject, seconds, self._stdev(row, fields))
        return True

    def _is_asked_for(self, fields: list[str]) -> bool:
        family = text_of(self._field(fields, "case"))
        if not family:  # an error, which `_add` raises
            return True
        self._notes.families.add(family)
        return self._wants(family)

    def _add(self, row: int, fields: list[str]) -> None:
        """Add a row of a new subject, or one that takes more to understand."""
        seconds, status, reason = outcome_of(fields[self._at["seconds"]])
        if seconds is not None:
            self._look_at_points(row, fields, "seconds")
        stdev = self._stdev(row, fields)
        key = self._key_of(fields)
        if seconds is None:
            key = (*key, fields[self._at["seconds"]])
        subject = self._subjects.get(key)
        if subject is not None:
            self.rows.add(subject, seconds, stdev)
            return
        device = text_of(self._field(fields, "device"))
        measurement = Measurement(
            source="csv",
            file=self._file,
            machine=text_of(self._field(fields, "machine")) or "unknown",
            when="",
            family=needed_text("case", fields[self._at["case"]]),
            size=size_of(fields[self._at["size"]]),
            backend=needed_text("backend", fields[self._at["backend"]]),
            device=device.lower() or None,
            dtype=text_of(self._field(fields, "dtype")) or None,
            threads=threads_of(self._field(fields, "threads")),
            seconds=seconds,
            stdev=stdev,
            status=status,
            reason=reason,
        )
        self._look_at_points(row, fields, "size")
        self._look_at_points(row, fields, "threads")
        subject = self.rows.add_subject(measurement)
        if subject < _MOST_REMEMBERED:
            self._subjects[key] = subject

    def _field(self, fields: list[str], column: str) -> str:
        """Return a field of the record; an empty one where the table has no such column."""
        index = self._at.get(column)
        return fields[index] if index is not None and index < len(fields) else ""

    def _stdev(self, row: int, fields: list[str]) -> float | None:
        if "stdev" not in self._at:
            return None
        stdev = stdev_of(fields[self._at["stdev"]])
        if stdev is not None:
            self._look_at_points(row, fields, "stdev")
        return stdev

    def _look_at_points(self, row: int, fields: list[str], column: str) -> None:
        if column in self._points.unsettled:
            self._points.look_at(row, column, fields[self._at[column]])


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
