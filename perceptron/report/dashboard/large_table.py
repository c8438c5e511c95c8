"""Tables of thousands of rows, sorted and filtered by a script of the page.

Each table is a file, loaded when it is chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any

from msgspec import Struct

from perceptron.report.dashboard.page import script, script_parts
from perceptron.untrusted_text import shortened

_LONGEST = 400
# Rows whose cells are shortened together, column by column.
_AT_ONCE = 1000
Value = str | int | float | None


class Column(Struct, frozen=True, omit_defaults=True):
    """A column: its name in saved files, and its heading."""

    id: str
    name: str
    is_number: bool = False


class LargeTable(Struct, frozen=True, kw_only=True):
    """A table, with its label for a choice among several."""

    label: str
    title: str
    columns: Sequence[Column]
    rows: Collection[Any]
    make: Callable[[Any], Sequence[Value]] = tuple
    """A function that returns the cells of a row, called while the table is written."""


def table_files(
    page: str, differs: str, tables: Iterable[LargeTable]
) -> Iterator[tuple[str, str | Iterable[str]]]:
    """Yield every file of the tables, in parts; ``differs`` names the difference between tables.

    The script of the page reads its own file first, which names the others.
    """
    choices: list[dict[str, str]] = []
    for table in tables:
        file = f"{page}/{len(choices)}"
        choices.append(
            {"label": f"{shortened(table.label)} ({len(table.rows):,} rows)", "file": file}
        )
        about: dict[str, object] = {"title": table.title, "columns": table.columns}
        yield f"data/{file}.js", script_parts(file, about, "rows", _shortened(table))
    yield f"data/{page}.js", script(page, {"label": differs, "tables": choices})


def _shortened(table: LargeTable) -> Iterator[Sequence[Value]]:
    # Most cells are numbers, and words of a column are nearly always the same.
    @lru_cache(maxsize=None, typed=True)
    def short(cell: Value) -> Value:
        return shortened(cell, _LONGEST) if isinstance(cell, str) else cell

    rows = map(table.make, table.rows)
    while chunk := list(islice(rows, _AT_ONCE)):
        columns = [
            cells if column.is_number else map(short, cells)
            for column, cells in zip(table.columns, zip(*chunk, strict=True), strict=True)
        ]
        yield from zip(*columns, strict=True)
