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
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from math import inf, isnan, nan
from operator import attrgetter, itemgetter
from pathlib import Path
from statistics import median
from typing import Any, BinaryIO

import numpy as np
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
    very many, some are joined and counted as ``joined``. Raises `UserError` that names the file,
    the row (the number of its first line in the file) and the column.
    """
    table = Table(file, content, reading.request.separator)
    records = _RecordReader(table, reading)
    records.read()
    first = _with_axes(records.first)
    counts = np.bincount(np.asarray(records.subjects, np.int64)).tolist()
    _complain_of_devices(table, first, counts, reading)
    most = _most_repeats(counts)
    if sum(min(count, most) for count in counts) > MOST_ROWS:
        raise _too_many(file)
    _count_joined(file, [count for count in counts if count > most], most, reading)
    return [ForeignRow(row=row) for row in _joined(first, records, counts, most)]


def _with_axes(rows: Sequence[Measurement]) -> list[Measurement]:
    """Note of each case whose size is its batch, or its models, that it varies along those."""
    rows = list(rows)
    for axis in (BATCH, MODELS):
        value = attrgetter(axis)
        fixed = {row.family for row in rows if value(row) not in (None, row.size)}
        for subject, row in enumerate(rows):
            if value(row) is not None and row.family not in fixed:
                rows[subject] = replace(row, axes=(axis,))
    return rows


def _complain_of_devices(
    table: Table, first: Sequence[Measurement], counts: Sequence[int], reading: Reading
) -> None:
    """Warn of backends of which some rows state a device and others none."""
    if "device" not in table.columns:
        return
    stated = {row.backend for row in first if row.device is not None}
    partly: Counter[str] = Counter()
    for row, count in zip(first, counts, strict=True):
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


def _most_repeats(counts: Sequence[int]) -> int:
    """Return up to how many rows a subject of so many keeps its rows as they are."""
    rows = sum(counts)
    if rows <= MOST_ROWS_AS_THEY_ARE:
        return rows
    most = MOST_REPEATS
    while most > FEWEST_BATCHES and sum(min(count, most) for count in counts) > MOST_ROWS_JOINED:
        most = max(FEWEST_BATCHES, most // 2)
    return most


def _count_joined(file: Path, joined: Sequence[int], most: int, reading: Reading) -> None:
    """Count the rows of subjects of so many that are joined, and warn of it."""
    if not joined:
        return
    left = len(joined) * most
    reading.joined += sum(joined) - left
    reading.complain(
        file,
        f"{_counted(sum(joined), 'row')} of {_counted(len(joined), 'case')} were joined into "
        f"{left:,}, each the median of consecutive ones: there are more than {most:,} of a case",
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


def _joined(
    first: Sequence[Measurement], records: _RecordReader, counts: Sequence[int], most: int
) -> Iterator[Measurement]:
    """Yield the rows in their order, at most so many of each subject.

    Of a subject with more, consecutive rows are joined into one whose ``seconds``, and ``stdev``
    where it is stated, are the medians of theirs; the counts of two such differ by one at most. It
    stands where the last of them stood.
    """
    rows: list[Measurement | None] = [None] * len(records.subjects)
    places = np.argsort(records.subjects, kind="stable")
    begin = 0
    for row, count in zip(first, counts, strict=True):
        own = places[begin : begin + count].tolist()
        begin += count
        batches = min(count, most)
        for batch in range(batches):
            joined = own[batch * count // batches : (batch + 1) * count // batches]
            rows[joined[-1]] = row if count == 1 else records.with_times(row, joined)
    return (row for row in rows if row is not None)


class _RecordReader:
    """Reads the records of a table; of equal ones all but the times only once.

    A subject is what equal rows measured. ``first`` is the first row of each; ``subjects`` are the
    numbers of all rows' subjects, and ``seconds`` and ``stdevs`` their times, NaN where none is
    stated.
    """

    def __init__(self, table: Table, reading: Reading) -> None:
        self.first: list[Measurement] = []
        self.subjects = array("I")
        self.seconds = array("d")
        self.stdevs = array("d")
        self._table = table
        self._wants = lru_cache(maxsize=4096)(reading.request.wants)
        self._reading = reading
        self._at = table.columns
        self._key_of = itemgetter(*(self._at[name] for name in _KEY if name in self._at))
        self._known: dict[tuple[str, ...], int] = {}
        # Of a table of semicolons, the columns in which nothing tells what a point means, and the
        # first number of each that may mean either.
        numbers = {"size", "seconds", "stdev", *_COUNTS}
        self._unsettled = numbers & set(table.columns) if table.separator == ";" else set()
        self._doubtful: dict[str, tuple[int, str, str]] = {}

    def read(self) -> None:
        """Read all records; raises `UserError` naming file, row and column."""
        row = records = not_asked_for = 0
        width, at_seconds = self._table.width, self._at["seconds"]
        try:
            for row, fields in self._table:
                is_whole = len(fields) == width
                subject = self._known.get(self._key_of(fields)) if is_whole else None
                seconds = None if subject is None else _plain_seconds(fields[at_seconds])
                if subject is not None and seconds is not None:  # as of nearly all rows
                    self._look_at_point(row, fields, "seconds")
                    self._add_times(subject, seconds, self._stdev(row, fields))
                elif is_blank(fields):
                    continue
                elif self._is_asked_for(fields):
                    self._add(row, self._table.fitted(row, fields))
                else:
                    not_asked_for += 1
                records += 1
        except _WrongField as wrong:
            raise UserError(f"{printable(self._table.file)}, row {row}, {wrong}") from None
        self._points_must_be_settled()
        self._reading.leave_out(not_asked_for, NOT_ASKED_FOR)
        if not records:
            raise UserError(
                f"{printable(self._table.file)}: no rows after the header; nothing can be compared"
            )

    def with_times(self, row: Measurement, places: Sequence[int]) -> Measurement:
        """Return the row with the medians of those at some places."""
        stdevs = [stdev for place in places if not isnan(stdev := self.stdevs[place])]
        return replace(
            row,
            seconds=row.seconds and median(self.seconds[place] for place in places),
            stdev=median(stdevs) if stdevs else None,
        )

    def _add_times(self, subject: int, seconds: float | None, stdev: float | None) -> None:
        """Add a row of a subject, whose first row says whether it has a time."""
        self.subjects.append(subject)
        self.seconds.append(nan if seconds is None else seconds)
        self.stdevs.append(nan if stdev is None else stdev)

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
            self._look_at_point(row, fields, "seconds")
        stdev = self._stdev(row, fields)
        key = self._key_of(fields)
        if seconds is None:
            key = (*key, fields[self._at["seconds"]])
        subject = self._known.setdefault(key, len(self.first))
        self._add_times(subject, seconds, stdev)
        if subject < len(self.first):
            return
        if subject >= MOST_REMEMBERED:
            del self._known[key]

        def text(column: str) -> str:
            return _text_of(self._field(fields, column))

        counts: dict[str, Any] = {
            name: _count_of(name, self._field(fields, name)) for name in _COUNTS
        }
        measurement = Measurement(
            source="csv",
            file=printable(self._table.file),
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
            self._look_at_point(row, fields, column)
        self.first.append(measurement)
        if len(self.first) > MOST_ROWS:  # before the memory is full
            raise _too_many(self._table.file)

    def _field(self, fields: list[str], column: str) -> str:
        """Return a field of the record; an empty one where the table has no such column."""
        index = self._at.get(column)
        return fields[index] if index is not None and index < len(fields) else ""

    def _stdev(self, row: int, fields: list[str]) -> float | None:
        if "stdev" not in self._at:
            return None
        stdev = _time_of("stdev", fields[self._at["stdev"]])
        if stdev is not None:
            self._look_at_point(row, fields, "stdev")
        return stdev

    def _look_at_point(self, row: int, fields: list[str], column: str) -> None:
        """Look at a number: a point that cannot stand between thousands settles its column."""
        if column not in self._unsettled:
            return
        text = fields[self._at[column]].strip()
        if _POINT_OR_THOUSAND(text):
            self._doubtful.setdefault(column, (row, column, text))
        elif "." in text:
            self._unsettled.discard(column)
            self._doubtful.pop(column, None)

    def _points_must_be_settled(self) -> None:
        """Raise `UserError` about the first number whose point may mean either."""
        if not self._doubtful:
            return
        row, column, text = min(self._doubtful.values())
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
