"""Read a table of times published as CSV.

The header names at least ``case``, ``size``, ``backend`` and ``seconds``, in any order and case;
``device``, ``stdev``, ``dtype``, ``machine`` and ``threads`` may be there, and everything else is
ignored. Fields are separated by commas, semicolons or tabs, and numbers are plain: a decimal
point, no unit and nothing between thousands.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from perceptron.errors import UserError
from perceptron.records.measurement import Measurement, Status
from perceptron.records.readers.foreign_rows import ForeignRow
from perceptron.records.readers.reading import NOT_ASKED_FOR, ReadingNotes, ReadRequest
from perceptron.records.readers.values import number
from perceptron.untrusted_text import label, quoted

_NEEDED = ("case", "size", "backend", "seconds")
_OPTIONAL = ("device", "stdev", "dtype", "machine", "threads")
_DELIMITERS = (",", ";", "\t")
# What has a digit before its first letter is meant as a number; "out of memory" is not.
_MEANT_AS_NUMBER = re.compile(r"[^A-Za-z]*\d|[+-]?inf(inity)?$", re.IGNORECASE)
_NOT_TRIED = re.compile(
    r"nan|n\.?/?a\.?|none|null|nil|\W*|not .*|skip.*|un(available|supported|tested|known)",
    re.IGNORECASE,
)
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


class _Record(NamedTuple):
    """A line of the table, and the number of the file's line on which it begins."""

    line: int
    fields: list[str]


def read_csv(
    file: Path, content: BinaryIO, request: ReadRequest, notes: ReadingNotes
) -> list[ForeignRow]:
    """Return a row for each line of the table; one without a time says why in its ``reason``.

    Equal (case, size, backend, device, dtype, machine, threads) are one more process each, see
    `processes`. Raises `UserError` that names the file, the row (the number of its first
    line in the file) and the column.
    """
    text = _decode(file, content.read())
    delimiter = request.separator or _delimiter(text)
    records = _records(file, text, delimiter)
    header = next(records, None)
    if header is None:
        raise UserError(f"{file}: nothing in it; a header case,size,backend,seconds is needed")
    columns = _columns(file, header)
    rows = [_row(file, record, columns, len(header.fields)) for record in records]
    if not rows:
        raise UserError(f"{file}: no rows after the header; nothing can be compared")
    notes.families.update(row.family for row in rows)
    wanted = [row for row in rows if request.wants(row.family)]
    notes.leave_out(len(rows) - len(wanted), NOT_ASKED_FOR)
    return [ForeignRow(row=row) for row in wanted]


def _decode(file: Path, content: bytes) -> str:
    kind, encoding = "UTF-8", "utf-8-sig"
    if content.startswith(_UTF_16):
        kind, encoding = "UTF-16", "utf-16"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UserError(f"{file}, row {line}: bytes that are no {kind}; save it as UTF-8") from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise UserError(f"{file}, row {line}: a NUL byte; this is no text to read")
    return text


def _delimiter(text: str) -> str:
    """Return the delimiter that finds the most of our columns in the header; else a comma."""
    header = next((line for line in text.splitlines() if line.strip()), "")
    known = {*_NEEDED, *_OPTIONAL}
    return max(
        _DELIMITERS,
        key=lambda delimiter: len(known & {_column(name) for name in header.split(delimiter)}),
    )


def _column(name: str) -> str:
    return name.strip().strip('"').strip().lower()


def _records(file: Path, text: str, delimiter: str) -> Iterator[_Record]:
    lines = csv.reader(
        io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True
    )
    begin = 1
    while True:
        try:
            fields = next(lines, None)
        except csv.Error as error:
            raise UserError(
                f"{file}, row {begin}: not CSV: {error}; check the quotes from there on"
            ) from None
        if fields is None:
            return
        if any(field.strip() for field in fields):
            yield _Record(begin, [field.strip() for field in fields])
        begin = lines.line_num + 1


def _columns(file: Path, header: _Record) -> dict[str, int]:
    """Return the index of each of our columns."""
    names = [_column(field) for field in header.fields]
    where = f"{file}, row {header.line}"
    for name, times in Counter(names).items():
        if times > 1 and name in (*_NEEDED, *_OPTIONAL):
            raise UserError(f"{where}, column {name!r}: named {times} times; keep one")
    for name in _NEEDED:
        if name not in names:
            given = ", ".join(quoted(field) for field in header.fields[:20])
            raise UserError(
                f"{where}: no column {name!r} in the header, which has {given}; "
                f"{', '.join(_NEEDED)} are needed"
            )
    return {name: names.index(name) for name in (*_NEEDED, *_OPTIONAL) if name in names}


class _Line:
    """One record, and the errors about fields that cannot be understood."""

    def __init__(self, file: Path, record: _Record, columns: dict[str, int]) -> None:
        self._where = f"{file}, row {record.line}"
        self._fields = {
            name: label(record.fields[index]) if index < len(record.fields) else ""
            for name, index in columns.items()
        }

    def wrong(self, column: str, what: str) -> UserError:
        return UserError(f"{self._where}, column {column!r}: {what}")

    def text(self, column: str) -> str | None:
        return self._fields.get(column) or None

    def needed(self, column: str) -> str:
        text = self.text(column)
        if text is None:
            raise self.wrong(column, f"empty; give the {column}")
        return text

    def number(self, column: str, expected: str) -> float | None:
        """Return the number in a field; None if it is empty."""
        text = self.text(column)
        if text is None:
            return None
        value = number(text)
        if value is None:
            raise self.wrong(column, f"{quoted(text)} is not {expected}")
        return value


def _row(file: Path, record: _Record, columns: dict[str, int], width: int) -> Measurement:
    where = f"{file}, row {record.line}"
    if any(record.fields[width:]):
        raise UserError(
            f"{where}: {len(record.fields)} fields, but the header has {width}; "
            "put a field that holds the separator into double quotes"
        )
    for name in _NEEDED:
        if columns[name] >= len(record.fields):
            raise UserError(
                f"{where}, column {name!r}: the line ends before it, "
                f"after {len(record.fields)} fields; complete it"
            )
    line = _Line(file, record, columns)
    seconds, status, reason = _seconds(line)
    device = line.text("device")
    return Measurement(
        source="csv",
        file=str(file),
        machine=line.text("machine") or "unknown",
        when="",
        family=line.needed("case"),
        size=_size(line),
        backend=line.needed("backend"),
        device=device.lower() if device else None,
        dtype=line.text("dtype"),
        threads=_threads(line),
        seconds=seconds,
        stdev=_stdev(line),
        status=status,
        reason=reason,
    )


def _size(line: _Line) -> int | float:
    line.needed("size")
    size = line.number("size", "a number; write it plainly, as 1024 or 1e6")
    if size is None or not 0 < size < float("inf"):
        raise line.wrong("size", f"{line.text('size')} is not a size; give a number above 0")
    return size


def _seconds(line: _Line) -> tuple[float | None, Status, str | None]:
    text = line.text("seconds")
    if text is None:
        return None, "skipped", "no time given"
    if not _MEANT_AS_NUMBER.match(text):
        return None, "skipped" if _NOT_TRIED.fullmatch(text) else "failed", text
    seconds = line.number("seconds", "a number; give seconds, with a point and without a unit")
    if seconds is None or not 0 < seconds < float("inf"):
        raise line.wrong(
            "seconds", f"{text} is not a time; give seconds above 0, or leave it empty"
        )
    return float(seconds), "ok", None


def _stdev(line: _Line) -> float | None:
    text = line.text("stdev")
    if text is None or not _MEANT_AS_NUMBER.match(text):
        return None
    stdev = line.number("stdev", "a number; give seconds, with a point and without a unit")
    if stdev is None or not 0 <= stdev < float("inf"):
        raise line.wrong("stdev", f"{text} is not a standard deviation; give seconds from 0 up")
    return float(stdev)


def _threads(line: _Line) -> int | None:
    threads = line.number("threads", "a whole number of threads")
    if threads is not None and (threads < 1 or not isinstance(threads, int)):
        raise line.wrong("threads", f"{line.text('threads')} is not a whole number above 0")
    return threads
