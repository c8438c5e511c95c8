"""Long tables: rows in files of their own, which the page's script filters, sorts and saves.

A file holds columns, not rows: what thousands of rows share is there once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from perceptron.untrusted_text import shortened

# Rows that one file holds: a browser reads as many in a tenth of a second.
ROWS = 20_000
_LONGEST = 400
Value = str | int | float | None


class Heading(Struct, frozen=True, omit_defaults=True):
    """A column: its name in files that are saved, its heading, and how it is sorted.

    Of a ``choice`` one value may be chosen above the table; so may a column called ``status``. A
    column of kind ``interval`` holds numbers in words, ordered ``by`` the numbers of another.
    """

    id: str
    name: str
    kind: str
    choice: bool = False
    by: str | None = None


class Packed(Struct, frozen=True, omit_defaults=True):
    """A column: ``each`` row's value, or its index into the few values that there are ``of`` it.

    Where all rows have one value, that is in ``of``, and ``each`` is left out.
    """

    each: list[Any] = []
    of: list[Value] = []


class PackedRows(Struct, frozen=True):
    """Rows, packed column by column."""

    rows: int
    columns: list[Packed]


class LongTable(Struct, frozen=True):
    """What the script is told of the table, and the rows of each of its files."""

    index: dict[str, Any]
    files: dict[str, PackedRows]


class Question(Struct, frozen=True, kw_only=True):
    """A table of several that one choice shows in turn: its label there, and what it holds."""

    label: str
    title: str
    headings: tuple[Heading, ...]
    rows: Sequence[Sequence[Value]]


def heading(
    id: str,  # noqa: A002 as in the data
    name: str,
    is_number: bool,
    *,
    choice: bool = False,
) -> Heading:
    """Return a column's heading."""
    return Heading(id, name, "number" if is_number else "text", choice)


def interval_heading(id: str, name: str, by: str) -> Heading:  # noqa: A002 as in the data
    """Return the heading of numbers in words, ordered by those of the column ``by``."""
    return Heading(id, name, "interval", by=by)


def long_table(
    folder: str,
    title: str,
    headings: Sequence[Heading],
    machines: Mapping[str, Sequence[Sequence[Value]]],
) -> LongTable:
    """Return the rows of each machine, in files below ``folder`` that a browser can take."""
    parts: list[dict[str, Any]] = []
    files: dict[str, PackedRows] = {}
    for name, members in machines.items():
        _add(parts, files, folder, name, members, {})
    return LongTable({"title": title, "columns": list(headings), "parts": parts}, files)


def question_table(folder: str, label: str, questions: Sequence[Question]) -> LongTable:
    """Return tables with columns of their own, which a choice called ``label`` shows in turn."""
    tables = list(dict.fromkeys((one.title, one.headings) for one in questions))
    parts: list[dict[str, Any]] = []
    files: dict[str, PackedRows] = {}
    for one in questions:
        table = {"table": tables.index((one.title, one.headings))}
        _add(parts, files, folder, one.label, one.rows, table)
    shown = [{"title": title, "columns": list(headings)} for title, headings in tables]
    return LongTable({"label": label, "tables": shown, "parts": parts}, files)


def _add(
    parts: list[dict[str, Any]],
    files: dict[str, PackedRows],
    folder: str,
    name: str,
    members: Sequence[Sequence[Value]],
    more: dict[str, Any],
) -> None:
    """Add the rows, in as many parts as a browser can take, each with ``more`` about itself."""
    for start in range(0, len(members), ROWS):
        some = members[start : start + ROWS]
        file = f"{folder}/{len(parts)}"
        several = f", {start + 1:,}–{start + len(some):,}" if len(members) > ROWS else ""
        label = f"{shortened(name)} ({len(members):,} rows{several})"
        parts.append({"label": label, "file": file, "rows": len(some)} | more)
        files[file] = packed(some)


def packed(rows: Sequence[Sequence[Value]]) -> PackedRows:
    """Return the rows column by column; a value that many share is there once, and texts short."""
    return PackedRows(len(rows), [_packed(column) for column in zip(*rows, strict=True)])


def _packed(values: Sequence[Value]) -> Packed:
    different = list(dict.fromkeys(values))
    shown = [shortened(v, _LONGEST) if isinstance(v, str) else v for v in different]
    if len(different) == 1:
        return Packed(of=shown)
    index = {value: place for place, value in enumerate(different)}
    if 2 * len(different) > len(values):
        return Packed([shown[index[value]] for value in values])
    return Packed([index[value] for value in values], shown)
