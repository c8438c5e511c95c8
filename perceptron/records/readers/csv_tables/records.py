"""Understand the records of a table; of equal ones all but the times only once."""

from __future__ import annotations

from functools import lru_cache
from operator import itemgetter

from perceptron.errors import UserError
from perceptron.records.measurement import Measurement
from perceptron.records.readers.csv_tables.fields import (
    WrongField,
    count_of,
    needed_text,
    outcome_of,
    plain_seconds,
    size_of,
    stdev_of,
    text_of,
)
from perceptron.records.readers.csv_tables.points import Points
from perceptron.records.readers.csv_tables.rows import MOST_ROWS, TableRows, too_many
from perceptron.records.readers.csv_tables.table import NEEDED, OPTIONAL, Table, is_blank
from perceptron.records.readers.shared.reading import NOT_ASKED_FOR, ReadingNotes, ReadRequest
from perceptron.records.readers.shared.values import revision
from perceptron.untrusted_text import printable

# What equal rows have in common.
_KEY = tuple(name for name in (*NEEDED, *OPTIONAL) if name not in ("seconds", "stdev"))
# A table of more cases repeats little, and to remember them takes as much memory as their rows.
MOST_REMEMBERED = 100_000


class RecordReader:
    """Reads the records of a table into ``rows``.

    ``records`` counts all of them, also those of families that were not asked for.
    """

    def __init__(self, table: Table, request: ReadRequest, notes: ReadingNotes) -> None:
        self.rows = TableRows()
        self.records = 0
        self._table = table
        self._file = printable(table.file)
        self._wants = lru_cache(maxsize=4096)(request.wants)
        self._notes = notes
        self._points = Points(table)
        self._at = table.columns
        self._key_of = itemgetter(*(self._at[name] for name in _KEY if name in self._at))
        self._subjects: dict[tuple[str, ...], int] = {}

    def read(self) -> None:
        """Read all records; raises `UserError` naming file, row and column."""
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
            commit=revision(text_of(self._field(fields, "commit"))),
            environment=text_of(self._field(fields, "environment")) or None,
            version=revision(text_of(self._field(fields, "version"))),
            threads=count_of("threads", self._field(fields, "threads")),
            batch=count_of("batch", self._field(fields, "batch")),
            optimizer=text_of(self._field(fields, "optimizer")).lower() or None,
            feed=text_of(self._field(fields, "feed")).lower() or None,
            outputs=count_of("outputs", self._field(fields, "outputs")),
            models=count_of("models", self._field(fields, "models")),
            seconds=seconds,
            stdev=stdev,
            status=status,
            reason=reason,
        )
        self._look_at_points(row, fields, "size")
        for column in ("threads", "batch", "outputs", "models"):
            self._look_at_points(row, fields, column)
        subject = self.rows.add_subject(measurement)
        if subject >= MOST_ROWS:  # before the memory is full
            raise too_many(self._table.file)
        if subject < MOST_REMEMBERED:
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
