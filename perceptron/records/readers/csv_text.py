"""Take a CSV file apart into its header and records, one after the other.

Fields are separated by commas, semicolons or tabs, whichever finds the most columns in the header,
or by what the user names.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from perceptron.errors import UserError
from perceptron.untrusted_text import quoted

NEEDED = ("case", "size", "backend", "seconds")
OPTIONAL = (
    *("device", "stdev", "dtype", "machine", "threads", "commit", "environment", "version"),
    *("batch", "optimizer", "feed", "outputs", "models"),
)

_SEPARATORS = (",", ";", "\t")
_NO_SEPARATORS = '"\r\n\0'
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
# A file without an end of line is no table; it must not fill the memory before that is known.
_LONGEST_LINE = 2**24
# Line by line, a large table took a seventh longer.
_BLOCK_BYTES = 2**20

Record = tuple[int, list[str]]
"""The number of the file's line on which a record begins, and its fields."""


class Table:
    """The header of a table, and its records, which can be iterated over once.

    ``columns`` holds the index of each of our columns. Raises `UserError`, here and while records
    are read, that names the file and the row (the number of its first line in the file).
    """

    def __init__(self, file: Path, content: BinaryIO, separator: str | None) -> None:
        self.file = file
        lines = _lines(file, content)
        opening = _opening(lines)
        self.separator = _separator(opening) if separator is None else _usable(file, separator)
        self._records = _records(file, chain(opening, lines), self.separator)
        row, header = next(
            (record for record in self._records if not is_blank(record[1])), (0, None)
        )
        if header is None:
            raise UserError(f"{file}: the file is empty; a header {','.join(NEEDED)} is needed")
        self.columns = _columns(f"{file}, row {row}", header)
        self.width = len(header)
        self._last_needed = max(self.columns[name] for name in NEEDED)

    def __iter__(self) -> Iterator[Record]:
        """Iterate over the records below the header, blank ones among them."""
        return self._records

    def fitted(self, row: int, fields: list[str]) -> list[str]:
        """Return a record with at least as many fields as the header; raises `UserError`."""
        width = len(fields)
        if width == self.width:
            return fields
        if width <= self._last_needed:
            name = next(name for name in NEEDED if self.columns[name] >= width)
            raise UserError(
                f"{self.file}, row {row}, column {name!r}: the line ends before it, "
                f"after {width} fields; complete it"
            )
        if not is_blank(fields[self.width :]):
            raise UserError(
                f"{self.file}, row {row}: {width} fields, but the header has {self.width}; "
                "put a field that holds the separator into double quotes"
            )
        return [*fields, *[""] * (self.width - width)]


def is_blank(fields: list[str]) -> bool:
    """Return whether there is nothing in any of the fields."""
    return not "".join(fields).strip()


def _lines(file: Path, content: BinaryIO) -> Iterator[str]:
    """Yield the lines of the text; raises `UserError` naming one that is none."""
    block = content.read(_BLOCK_BYTES)
    if block.startswith(_UTF_16):
        content = io.BytesIO(_decoded(file, 1, block + content.read(), "UTF-16").encode())
        block = content.read(_BLOCK_BYTES)
    row = 1
    while block:
        rest = content.readline(_LONGEST_LINE + 1)  # so that a block ends with a whole line
        if len(block) - (block.rfind(b"\n") + 1) + len(rest) > _LONGEST_LINE:
            row += block.count(b"\n")
            raise UserError(
                f"{file}, row {row}: a line of more than {_LONGEST_LINE:,} bytes; this is no table "
                "to read"
            )
        text = _decoded(file, row, block + rest, "UTF-8")
        if "\0" in text:
            row += text.count("\n", 0, text.index("\0"))
            raise UserError(f"{file}, row {row}: a NUL byte; this is no text to read")
        # CSV knows one more end of a line; `str.splitlines` knows others, which it does not.
        yield from io.StringIO(text, newline="")
        row += text.count("\n")
        block = content.read(_BLOCK_BYTES)


def _decoded(file: Path, row: int, content: bytes, kind: str) -> str:
    """Return bytes as text, from this row on; raises `UserError` naming the row of what is none."""
    try:
        return content.decode(kind).removeprefix("\ufeff" if row == 1 else "")
    except UnicodeDecodeError as error:
        row += content.count(b"\n", 0, error.start)
        raise UserError(f"{file}, row {row}: bytes that are no {kind}; save it as UTF-8") from None


def _usable(file: Path, separator: str) -> str:
    if len(separator) != 1 or separator in _NO_SEPARATORS:
        raise UserError(
            f"{file}: the separator {quoted(separator)} is not one character between fields; "
            "leave it out where that is a comma, a semicolon or a tab"
        )
    return separator


def _opening(lines: Iterator[str]) -> list[str]:
    """Return the lines up to the first that is not blank: the header."""
    opening = []
    for line in lines:
        opening.append(line)
        if line.strip():
            break
    return opening


def _separator(opening: list[str]) -> str:
    """Return the separator that finds the most of our columns in the header; else a comma."""
    header = opening[-1] if opening else ""
    known = {*NEEDED, *OPTIONAL}
    return max(
        _SEPARATORS,
        key=lambda separator: len(known & {_column(name) for name in header.split(separator)}),
    )


def _column(name: str) -> str:
    return name.strip().strip('"').strip().lower()


def _records(file: Path, lines: Iterator[str], separator: str) -> Iterator[Record]:
    reader = csv.reader(lines, delimiter=separator, skipinitialspace=separator != " ", strict=True)
    row = 1
    try:
        for fields in reader:
            yield row, fields
            row = reader.line_num + 1
    except csv.Error as error:
        raise UserError(
            f"{file}, row {row}: not CSV: {error}; check the quotes from there on"
        ) from None


def _columns(where: str, header: list[str]) -> dict[str, int]:
    """Return the index of each of our columns."""
    names = [_column(field) for field in header]
    for name, times in Counter(names).items():
        if times > 1 and name in (*NEEDED, *OPTIONAL):
            raise UserError(f"{where}, column {name!r}: named {times} times; keep one")
    for name in NEEDED:
        if name not in names:
            given = ", ".join(quoted(field.strip()) for field in header[:20])
            raise UserError(
                f"{where}: no column {name!r} in the header, which has {given}; "
                f"{', '.join(NEEDED)} are needed"
            )
    return {name: names.index(name) for name in (*NEEDED, *OPTIONAL) if name in names}
