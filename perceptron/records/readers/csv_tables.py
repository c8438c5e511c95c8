"""Read a table of times published as CSV.

The header names at least the columns of `NEEDED`, in any order and case, or those that the user
names instead of backend and size. Columns of `FIELDS` are read too, all others are ignored. A table
without a column ``case`` is one case, named after its file. Times are in seconds, or in the unit
that the user names; then the column may be named ``time``. A case whose size equals its batch (or
its models) in every row varies along that axis. Fields are separated by the separator that the user
names, or by whichever of comma, semicolon and tab finds the most columns in the header. Lines above
the header that begin with ``#`` are comments.

Numbers have a decimal point, no unit and no separator of thousands. Spreadsheets of languages that
write thousands with a point separate fields by semicolons: in such a table a number such as 1.024
is refused unless the user names the separator.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from math import inf
from operator import attrgetter, itemgetter
from pathlib import Path
from typing import Any, TextIO

from msgspec.structs import replace

from perceptron.errors import UserError
from perceptron.options import option
from perceptron.records.comparison_key import BATCH, MODELS
from perceptron.records.measurement import Measurement
from perceptron.records.readers.parameter_roles import FIELDS, ParameterRoles
from perceptron.records.readers.reading import NOT_ASKED_FOR, ForeignRow, Reading
from perceptron.records.readers.values import SECONDS_IN, number, revision
from perceptron.untrusted_text import label, printable, quoted

NEEDED = ("size", "backend", "seconds")
# Columns whose few different texts repeat in many rows, besides those of the backend.
_SHARED = tuple(name for name in FIELDS if name not in ("backend", "seconds", "stdev"))
# The name of the column of times in a unit that the user names.
_TIME = "time"
# This number of rows takes a gigabyte of memory.
MOST_ROWS = 2_000_000

_SEPARATORS = (",", ";", "\t")
# A line without an end must not fill the memory; csv allows no longer field.
_LONGEST_LINE = 2**17
# A text with a digit before its first letter is meant as a number; "out of memory" is not.
_MEANT_AS_NUMBER = re.compile(r"[^A-Za-z]*\d|[+-]?inf(inity)?$", re.IGNORECASE)
_POINT_OR_THOUSAND = re.compile(r"[1-9]\d{0,2}\.\d{3}", re.ASCII)

# Millions of rows hold the same few texts: the cache lets them share memory.
_text_of = lru_cache(maxsize=4096)(label)


def read_csv(file: Path, reading: Reading) -> list[ForeignRow]:
    """Return a row for each record of the table; ``reason`` says why a row has no time.

    Rows that differ only in their times are of different processes, see `naming`. Raises
    `UserError` naming the file, the row (the number of its first line) and the column.
    """
    requested = reading.request.separator
    named = [_column(name) for name in reading.request.roles.names]
    rows: list[Measurement] = []
    columns: _Columns | None = None
    row = 1
    try:
        with file.open(encoding=_encoding(file), newline="") as text:
            separator = (
                _separator(text, {*FIELDS, _TIME, *named}) if requested is None else requested
            )
            records = csv.reader(
                _lines(text),
                delimiter=separator,
                skipinitialspace=separator != " ",
                strict=True,
            )
            for fields in records:
                if _is_blank(fields):
                    pass
                elif columns is None:
                    columns = _Columns(
                        file, fields, reading, requested is None and separator == ";"
                    )
                else:
                    case = columns.case(fields)
                    if not case or reading.includes(case):  # an empty case raises below
                        rows.append(columns.measurement(fields))
                row = records.line_num + 1
                if len(rows) > MOST_ROWS:
                    raise ValueError(
                        f"more than {MOST_ROWS:,} rows; choose some with {option('family')}"
                    )
    except UnicodeDecodeError as error:  # text is decoded ahead of the row
        kind = error.encoding.upper()
        raise UserError(f"{printable(file)}: not {kind} text; save it as UTF-8") from None
    except (csv.Error, TypeError, ValueError) as error:  # TypeError: an invalid separator
        raise UserError(f"{printable(file)}, row {row}: {error}") from None
    if not rows and not reading.skipped[NOT_ASKED_FOR]:
        header = ",".join(("case", *NEEDED))
        raise UserError(f"{file}: no rows; a header {header} and rows are needed")
    return [ForeignRow(row=row) for row in _with_axes(rows)]


def _encoding(file: Path) -> str:
    """Return the encoding: UTF-8, or UTF-16 if a byte order mark says so."""
    with file.open("rb") as content:
        mark = content.read(2)
    return "utf-16" if mark in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"


def _lines(text: TextIO) -> Iterator[str]:
    """Yield the lines, with comments above the header blanked so that rows keep their numbers.

    Raises ValueError for a line too long, since a part of it could be read as a row.
    """
    is_above = True
    while line := text.readline(_LONGEST_LINE):
        if len(line) == _LONGEST_LINE:
            raise ValueError(f"a line of {_LONGEST_LINE:,} characters or more")
        is_above = is_above and (_is_comment(line) or line.isspace())
        yield "\n" if is_above else line


def _is_comment(line: str) -> bool:
    return line.startswith("#")


def _separator(text: TextIO, columns: Collection[str]) -> str:
    """Return the separator that finds the most of ``columns`` in the header; else a comma."""
    lines = text.read(_LONGEST_LINE).splitlines()
    header = next((line for line in lines if line.strip() and not _is_comment(line)), "")
    text.seek(0)

    def columns_found(separator: str) -> int:
        return len({_column(name) for name in header.split(separator)} & set(columns))

    return max(_SEPARATORS, key=columns_found)


def _column(name: str) -> str:
    return name.strip().strip('"').strip().lower()


def _is_blank(fields: Sequence[str]) -> bool:
    return not "".join(fields).strip()


def _with_axes(rows: list[Measurement]) -> list[Measurement]:
    """Return the rows, with the axis set in cases whose size is always the batch or the models."""
    for axis in (BATCH, MODELS):
        value = attrgetter(axis)
        if all(value(row) is None for row in rows):
            continue
        fixed = {row.family for row in rows if value(row) not in (None, row.size)}
        rows = [
            row if value(row) is None or row.family in fixed else replace(row, axes=(axis,))
            for row in rows
        ]
    return rows


class _Columns:
    """The columns of a table, which convert its records to rows.

    Errors are ValueErrors without the file and row, which the caller adds.
    """

    def __init__(
        self, file: Path, header: Sequence[str], reading: Reading, has_ambiguous_points: bool
    ) -> None:
        self._file = printable(file)
        self._without_case = label(file.stem) or "table"
        names = [_column(field) for field in header]
        roles, unit = reading.request.roles, reading.request.unit
        role_columns = {_column(name) for name in roles.names}
        # A table read beside other tools' files may have the usual columns instead.
        named = role_columns <= set(names) or not {"size", "backend"} <= set(names)
        if named and roles != ParameterRoles():
            reading.has_named_columns = True
        backends = [_column(name) for name in roles.backends] if named else ["backend"]
        self._column_of = {name: name for name in FIELDS}
        self._column_of["size"] = _column(roles.size) if named else "size"
        if _TIME in names and (unit is not None or "seconds" not in names):
            if unit is None:
                raise ValueError(
                    f"column {_TIME!r}: name its unit with {option('unit')}, as in "
                    f"{option('unit', 'ms')}"
                )
            self._column_of["seconds"] = _TIME
        self._in_seconds = 1.0 if unit is None else SECONDS_IN[unit]
        for name in (*(self._column_of[name] for name in FIELDS if name != "backend"), *backends):
            count = names.count(name)
            needed = name in (*backends, self._column_of["size"], self._column_of["seconds"])
            if count > 1 or (count == 0 and needed):
                listed = ", ".join(quoted(field.strip()) for field in header[:20])
                columns = f"{count} columns" if count else "no column"
                raise ValueError(f"{columns} {name!r} in the header, which has {listed}")
        self._width = len(header)
        self._index_of = {
            name: names.index(column) for name, column in self._column_of.items() if column in names
        }
        backend_indices = [names.index(name) for name in backends]
        self._last_needed = max(*backend_indices, self._index_of["size"], self._index_of["seconds"])
        self._has_ambiguous_points = has_ambiguous_points
        self._present = [name for name in _SHARED if name in self._index_of]
        self._texts_of = itemgetter(
            *(self._index_of[name] for name in self._present), *backend_indices
        )
        self._subject_of = lru_cache(maxsize=4096)(self._subject)

    def field(self, fields: Sequence[str], column: str) -> str:
        """Return a field of a record; empty if there is no such column."""
        index = self._index_of.get(column)
        return fields[index] if index is not None and index < len(fields) else ""

    def case(self, fields: Sequence[str]) -> str:
        """Return the case of a record; the file's name in a table without cases."""
        return (
            _text_of(self.field(fields, "case")) if "case" in self._index_of else self._without_case
        )

    def measurement(self, fields: Sequence[str]) -> Measurement:
        """Return the row of a record."""
        width = len(fields)
        if width <= self._last_needed or not _is_blank(fields[self._width :]):
            raise ValueError(f"{width} fields, but the header has {self._width}")
        fields = [*fields, *[""] * (self._width - width)]
        shared = self._subject_of(self._texts_of(fields))
        time, deviation = label(self.field(fields, "seconds")), label(self.field(fields, "stdev"))
        stdev = None
        if _MEANT_AS_NUMBER.match(deviation):
            stdev = self._value("stdev", deviation) * self._in_seconds
        if _MEANT_AS_NUMBER.match(time):
            # 0 is a time below the timer's resolution: `Reading.add` skips such rows.
            seconds = self._value("seconds", time) * self._in_seconds
            return replace(shared, seconds=seconds, stdev=stdev)
        status = "failed" if time else "skipped"
        return replace(shared, stdev=stdev, status=status, reason=time or "no time given")

    def _subject(self, texts: tuple[str, ...]) -> Measurement:
        """Return the row without times that all records with these ``texts`` share."""
        texts_of = {"case": self._without_case}
        texts_of |= dict(zip(self._present, map(_text_of, texts), strict=False))
        backends = [_text_of(text) for text in texts[len(self._present) :]]
        texts_of["backend"] = ":".join(backends) if all(backends) else ""
        for name in ("case", "size", "backend"):
            if not texts_of[name]:
                raise ValueError(f"column {self._column_of[name]!r}: empty; give the {name}")
        values = {name: self._value(name, text) for name, text in texts_of.items()}
        values["family"] = values.pop("case")
        values["machine"] = values.get("machine") or "unknown"
        return Measurement(source="csv", file=self._file, when="", **values)

    def _value(self, column: str, text: str) -> Any:
        """Convert the text of a column to its value; None if empty."""
        kind = FIELDS[column]
        if kind == "revision":
            return revision(text)
        if not text or kind == "text":
            return text or None
        if kind == "name":
            return text.lower()
        value, name = number(text), self._column_of[column]
        if value is None or not 0 <= value < inf or (value == 0 and kind != "time"):
            raise ValueError(
                f"column {name!r}: {quoted(text)} is no number above 0; write it plainly, "
                "as 1024, 0.5 or 1e-6, without a unit"
            )
        if self._has_ambiguous_points and _POINT_OR_THOUSAND.fullmatch(text):
            thousands = text.replace(".", "")
            raise ValueError(
                f"column {name!r}: {quoted(text)} may mean {value:g} or {int(thousands):,}; "
                f"write {text}0 or {thousands}"
            )
        if kind == "count" and not isinstance(value, int):
            raise ValueError(f"column {name!r}: {quoted(text)} is no whole number")
        return value
