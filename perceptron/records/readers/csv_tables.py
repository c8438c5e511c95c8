"""Read a table of times published as CSV.

The header names at least ``case``, ``size``, ``backend`` and ``seconds``, in any order and case;
``device``, ``stdev``, ``dtype``, ``machine``, ``threads``, ``commit``, ``environment``,
``version`` (of the benchmark), ``batch`` (rows of an iteration), ``optimizer``, ``feed``,
``outputs`` and ``models`` may be there, and everything else is ignored. A case
whose size is its batch in every row varies along the batch, and so with the models.

Numbers are plain: a decimal point, no unit and nothing between thousands. Spreadsheets separate
fields by semicolons where a comma is their decimal sign, and there the point stands between
thousands: of such a table it is asked what 1.000 means, unless another number of its column tells.

Of rows that differ in nothing but their time, one is kept as a row and the times of the others as
numbers; where there are very many, consecutive ones are joined.
"""

from __future__ import annotations

import re
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import lru_cache
from math import inf, isnan, nan
from operator import attrgetter, itemgetter
from pathlib import Path
from statistics import median
from typing import Any, BinaryIO

from msgspec.structs import replace

from perceptron.errors import UserError
from perceptron.records.ground import BATCH, MODELS
from perceptron.records.measurement import Measurement, Status
from perceptron.records.readers.csv_text import NEEDED, OPTIONAL, Table, is_blank
from perceptron.records.readers.reading import NOT_ASKED_FOR, ForeignRow, Reading
from perceptron.records.readers.values import number, revision
from perceptron.untrusted_text import label, printable, quoted

# A row for each of millions of lines fills the memory. Up to so many lines, a table is as it is.
MOST_ROWS_AS_THEY_ARE = 100_000
# In a larger one, a subject has so many rows at most, and fewer where the table still has too many,
# but no fewer than tell an interval: of batches, 10 to 30 do (Schmeiser, Batch size effects in the
# analysis of simulation output, Operations Research 30, 1982).
MOST_REPEATS = 1_000
MOST_ROWS_JOINED = 1_000_000
FEWEST_BATCHES = 30
# What differs cannot be joined; so many rows take a gigabyte.
MOST_ROWS = 2_000_000
# A table of more cases repeats little, and to remember them takes as much memory as their rows.
MOST_REMEMBERED = 100_000

# What has a digit before its first letter is meant as a number; "out of memory" is not.
_MEANT_AS_NUMBER = re.compile(r"[^A-Za-z]*\d|[+-]?inf(inity)?$", re.IGNORECASE)
_NOT_TRIED = re.compile(
    r"nan|n\.?/?a\.?|none|null|nil|\W*|not .*|skip.*|un(available|supported|tested|known)",
    re.IGNORECASE,
)
_PLAIN_SECONDS = re.compile(r"(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII).fullmatch
_EXPECTED = {
    "seconds": "a time; give seconds above 0, or leave it empty",
    "stdev": "a standard deviation; give seconds from 0 up",
}
_COUNTS = ("threads", "batch", "outputs", "models")
_COUNTED = {"batch": "rows"}
_POINT_OR_THOUSAND = re.compile(r"\+?([1-9]\d{0,2})\.(\d{3})", re.ASCII).fullmatch
# What equal rows have in common.
_KEY = tuple(name for name in (*NEEDED, *OPTIONAL) if name not in ("seconds", "stdev"))
_MOST_NAMED = 3


def read_csv(file: Path, content: BinaryIO, reading: Reading) -> list[ForeignRow]:
    """Return a row for each line of the table; one without a time says why in its ``reason``.

    Rows with equal fields but for times are one more process each, see `naming`; where these are
    very many, some are joined (see `TableRows`) and counted as ``joined``. Raises `UserError`
    that names the file, the row (the number of its first line in the file) and the column.
    """
    table = Table(file, content, reading.request.separator)
    rows = _RecordReader(table, reading).read()
    _name_axes(rows)
    _complain_of_devices(table, rows, reading)
    most = rows.most_repeats()
    if rows.kept(most) > MOST_ROWS:
        raise _too_many(file)
    foreign_rows = [ForeignRow(row=row) for row in rows.rows(most)]
    _count_joined(file, rows, most, len(foreign_rows), reading)
    return foreign_rows


def _name_axes(rows: TableRows) -> None:
    """Note of each case whose size is its batch, or its models, that it varies along those."""
    for axis in (BATCH, MODELS):
        value = attrgetter(axis)
        fixed = {row.family for row in rows.first if value(row) not in (None, row.size)}
        for subject, row in enumerate(rows.first):
            if value(row) is not None and row.family not in fixed:
                rows.first[subject] = replace(row, axes=(axis,))


def _complain_of_devices(table: Table, rows: TableRows, reading: Reading) -> None:
    """Warn of backends of which some rows state a device and others none."""
    if "device" not in table.columns:
        return
    stated = {row.backend for row in rows.first if row.device is not None}
    partly: Counter[str] = Counter()
    for row, count in zip(rows.first, rows.counts, strict=True):
        if row.device is None and row.backend in stated:
            partly[row.backend] += count
    if not partly:
        return
    shown = ", ".join(map(quoted, list(partly)[:_MOST_NAMED]))
    more = f" and {len(partly) - _MOST_NAMED} more" if len(partly) > _MOST_NAMED else ""
    reading.complain(
        table.file,
        f"column 'device': {_counted(partly.total(), 'row')} of {shown}{more} without one, though "
        "others of the same backend state it; only these are named backend:device",
        "state the device in every row",
        "device-not-stated",
    )


def _count_joined(file: Path, rows: TableRows, most: int, returned: int, reading: Reading) -> None:
    """Count the rows that were joined, and warn of it."""
    if returned == len(rows):
        return
    reading.joined += len(rows) - returned
    joined = [count for count in rows.counts if count > most]
    reading.complain(
        file,
        f"{_counted(sum(joined), 'row')} of {_counted(len(joined), 'case')} were joined into "
        f"{len(joined) * most:,}, each the median of consecutive ones: there are more than "
        f"{most:,} of a case",
        f"give at most {most:,} rows of each to have every one judged by itself",
        "rows-joined",
    )


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _too_many(file: Path) -> UserError:
    return UserError(
        f"{file}: more than {MOST_ROWS:,} rows that differ in more than their time; choose some "
        "with --family, or split it"
    )


class TableRows:
    """The rows of a table in their order. A subject is what equal rows measured.

    ``first`` is the first row of each subject, ``counts`` how many it has.
    """

    def __init__(self) -> None:
        self.first: list[Measurement] = []
        self.counts = array("I")
        self._subjects = array("I")
        self._seconds = array("d")
        self._stdevs = array("d")

    def __len__(self) -> int:
        return len(self._subjects)

    def add_subject(self, row: Measurement) -> int:
        """Add the first row of a subject; return the subject's number."""
        subject = len(self.first)
        self.first.append(row)
        self.counts.append(0)
        self.add(subject, row.seconds, row.stdev)
        return subject

    def add(self, subject: int, seconds: float | None, stdev: float | None) -> None:
        """Add a row of a subject, whose first row says whether it has a time."""
        self.counts[subject] += 1
        self._subjects.append(subject)
        self._seconds.append(nan if seconds is None else seconds)
        self._stdevs.append(nan if stdev is None else stdev)

    def most_repeats(self) -> int:
        """Return up to how many rows a subject keeps its rows as they are."""
        if len(self) <= MOST_ROWS_AS_THEY_ARE:
            return len(self)
        most = MOST_REPEATS
        while most > FEWEST_BATCHES and self.kept(most) > MOST_ROWS_JOINED:
            most = max(FEWEST_BATCHES, most // 2)
        return most

    def kept(self, most: int) -> int:
        """Return how many rows there are with at most so many of a subject."""
        return sum(min(count, most) for count in self.counts)

    def rows(self, most: int) -> Iterator[Measurement]:
        """Yield the rows in their order, with at most ``most`` of a subject.

        Consecutive rows of a subject with more are joined into one whose ``seconds``, and
        ``stdev`` where it is stated, are the medians of theirs; the counts of two such differ by
        one at most. It stands where the last of them stood.
        """
        batches: dict[int, list[tuple[float, float]]] = defaultdict(list)
        seen: Counter[int] = Counter()
        done: Counter[int] = Counter()
        for subject, seconds, stdev in zip(
            self._subjects, self._seconds, self._stdevs, strict=True
        ):
            row, count = self.first[subject], self.counts[subject]
            if count <= most:
                yield row if count == 1 else _with_times(row, seconds, stdev)
                continue
            batches[subject].append((seconds, stdev))
            seen[subject] += 1
            if seen[subject] == (done[subject] + 1) * count // most:
                done[subject] += 1
                times, stdevs = zip(*batches.pop(subject), strict=True)
                stated = [one for one in stdevs if not isnan(one)]
                yield _with_times(row, median(times), median(stated) if stated else nan)


def _with_times(row: Measurement, seconds: float, stdev: float) -> Measurement:
    return replace(
        row,
        seconds=None if row.seconds is None else seconds,
        stdev=None if isnan(stdev) else stdev,
    )


class _RecordReader:
    """Reads the records of a table; of equal ones all but the times only once."""

    def __init__(self, table: Table, reading: Reading) -> None:
        self._rows = TableRows()
        self._table = table
        self._file = printable(table.file)
        self._wants = lru_cache(maxsize=4096)(reading.request.wants)
        self._reading = reading
        self._at = table.columns
        self._key_of = itemgetter(*(self._at[name] for name in _KEY if name in self._at))
        self._subjects: dict[tuple[str, ...], int] = {}
        self._points = _Points(table)

    def read(self) -> TableRows:
        """Read all records; raises `UserError` naming file, row and column."""
        row = records = not_asked_for = 0
        try:
            for row, fields in self._table:
                if not self._is_repeat(row, fields):
                    if is_blank(fields):
                        continue
                    if self._is_asked_for(fields):
                        self._add(row, self._table.fitted(row, fields))
                    else:
                        not_asked_for += 1
                records += 1
        except _WrongField as wrong:
            raise UserError(f"{self._file}, row {row}, {wrong}") from None
        self._points.must_be_settled()
        self._reading.leave_out(not_asked_for, NOT_ASKED_FOR)
        if not records:
            raise UserError(f"{self._file}: no rows after the header; nothing can be compared")
        return self._rows

    def _is_repeat(self, row: int, fields: list[str]) -> bool:
        """Add a row whose subject is known and whose time is plain, as nearly all are."""
        if len(fields) != self._table.width:
            return False
        subject = self._subjects.get(self._key_of(fields))
        if subject is None:
            return False
        seconds = _plain_seconds(fields[self._at["seconds"]])
        if seconds is None:
            return False
        self._points.look_at(row, fields, "seconds")
        self._rows.add(subject, seconds, self._stdev(row, fields))
        return True

    def _is_asked_for(self, fields: list[str]) -> bool:
        family = _text_of(self._field(fields, "case"))
        if not family:  # an error, which `_add` raises
            return True
        self._reading.families.add(family)
        return self._wants(family)

    def _add(self, row: int, fields: list[str]) -> None:
        """Add a row of a new subject, or one that takes more to understand."""
        seconds, status, reason = _outcome_of(fields[self._at["seconds"]])
        if seconds is not None:
            self._points.look_at(row, fields, "seconds")
        stdev = self._stdev(row, fields)
        key = self._key_of(fields)
        if seconds is None:
            key = (*key, fields[self._at["seconds"]])
        subject = self._subjects.get(key)
        if subject is not None:
            self._rows.add(subject, seconds, stdev)
            return

        def text(column: str) -> str:
            return _text_of(self._field(fields, column))

        counts: dict[str, Any] = {
            name: _count_of(name, self._field(fields, name)) for name in _COUNTS
        }
        measurement = Measurement(
            source="csv",
            file=self._file,
            machine=text("machine") or "unknown",
            when="",
            family=_needed_text("case", fields[self._at["case"]]),
            size=_size_of(fields[self._at["size"]]),
            backend=_needed_text("backend", fields[self._at["backend"]]),
            device=text("device").lower() or None,
            dtype=text("dtype") or None,
            commit=revision(text("commit")),
            environment=text("environment") or None,
            version=revision(text("version")),
            optimizer=text("optimizer").lower() or None,
            feed=text("feed").lower() or None,
            **counts,
            seconds=seconds,
            stdev=stdev,
            status=status,
            reason=reason,
        )
        for column in ("size", *_COUNTS):
            self._points.look_at(row, fields, column)
        subject = self._rows.add_subject(measurement)
        if subject >= MOST_ROWS:  # before the memory is full
            raise _too_many(self._table.file)
        if subject < MOST_REMEMBERED:
            self._subjects[key] = subject

    def _field(self, fields: list[str], column: str) -> str:
        """Return a field of the record; an empty one where the table has no such column."""
        index = self._at.get(column)
        return fields[index] if index is not None and index < len(fields) else ""

    def _stdev(self, row: int, fields: list[str]) -> float | None:
        if "stdev" not in self._at:
            return None
        stdev = _time_of("stdev", fields[self._at["stdev"]])
        if stdev is not None:
            self._points.look_at(row, fields, "stdev")
        return stdev


class _Points:
    """Meanings of the points in the columns of a table of semicolons.

    One number of a column in which the point cannot stand between thousands settles the column.
    """

    def __init__(self, table: Table) -> None:
        numbers = {"size", "seconds", "stdev", *_COUNTS}
        self._unsettled = numbers & set(table.columns) if table.separator == ";" else set()
        self._table = table
        self._doubtful: dict[str, tuple[int, str]] = {}

    def look_at(self, row: int, fields: list[str], column: str) -> None:
        """Look at a number, unless its column is settled."""
        if column not in self._unsettled:
            return
        text = fields[self._table.columns[column]].strip()
        if _POINT_OR_THOUSAND(text):
            self._doubtful.setdefault(column, (row, text))
        elif "." in text:
            self._unsettled.discard(column)
            self._doubtful.pop(column, None)

    def must_be_settled(self) -> None:
        """Raise `UserError` about the first number whose point may mean either."""
        doubtful = ((row, column, text) for column, (row, text) in self._doubtful.items())
        for row, column, text in sorted(doubtful):
            one = text.removeprefix("+")
            thousands = int(one.replace(".", ""))
            short = f"{float(one)!r}"
            plain = f"{one}0" if _POINT_OR_THOUSAND(short) else short
            raise UserError(
                f"{self._table.file}, row {row}, column {column!r}: {quoted(text)} may mean "
                f"{float(one):g} or {thousands:,}; write {plain} or {thousands}"
            )


class _WrongField(Exception):
    """A field that cannot be understood: its column, and what is wrong and what to do."""

    def __init__(self, column: str, what: str) -> None:
        super().__init__(f"column {column!r}: {what}")


# Millions of rows hold the same few texts, and share them so.
_text_of = lru_cache(maxsize=4096)(label)


def _needed_text(column: str, field: str) -> str:
    text = _text_of(field)
    if not text:
        raise _WrongField(column, f"empty; give the {column}")
    return text


def _size_of(field: str) -> int | float:
    size = number(field)
    if size is None:
        _needed_text("size", field)
        size = _number("size", field, "a number; write it plainly, as 1024 or 1e6")
    if size is None or not 0 < size < inf:
        raise _WrongField("size", f"{label(field)} is not a size; give a number above 0")
    return size


def _plain_seconds(field: str) -> float | None:
    """Return the time that a field without any decoration holds; None for every other field."""
    if _PLAIN_SECONDS(field):
        seconds = float(field)
        if 0 < seconds < inf:
            return seconds
    return None


def _time_of(column: str, field: str) -> float | None:
    """Return a time, or a standard deviation, in seconds; None where no number is meant."""
    plain = _plain_seconds(field)
    if plain is not None:
        return plain
    text = label(field)
    if not _MEANT_AS_NUMBER.match(text):
        return None
    seconds = _number(column, field, "a number; give seconds, with a point and without a unit")
    if seconds is None or not 0 <= seconds < inf or (seconds == 0 and column == "seconds"):
        raise _WrongField(column, f"{text} is not {_EXPECTED[column]}")
    return float(seconds)


def _outcome_of(field: str) -> tuple[float | None, Status, str | None]:
    """Return the time in seconds, the status and the reason."""
    seconds, text = _time_of("seconds", field), label(field)
    if seconds is not None:
        return seconds, "ok", None
    if not text:
        return None, "skipped", "no time given"
    return None, "skipped" if _NOT_TRIED.fullmatch(text) else "failed", text


@lru_cache(maxsize=4096)
def _count_of(column: str, field: str) -> int | None:
    """Return a number of threads, rows or outputs; None for an empty field."""
    count = _number(column, field, f"a whole number of {_COUNTED.get(column, column)}")
    if count is not None and (count < 1 or not isinstance(count, int)):
        raise _WrongField(column, f"{label(field)} is not a whole number above 0")
    return count


def _number(column: str, field: str, expected: str) -> int | float | None:
    text = label(field)
    value = number(text)
    if value is None and text:
        raise _WrongField(column, f"{quoted(text)} is not {expected}")
    return value
