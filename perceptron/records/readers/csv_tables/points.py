"""Ask what a point means in a table of semicolons, where 1.000 may be 1 or a thousand.

Spreadsheets separate fields by semicolons where a comma is their decimal sign, and there the point
stands between thousands. One number of a column in which it cannot stand there settles the column.
"""

from __future__ import annotations

import re

from perceptron.errors import UserError
from perceptron.records.readers.csv_tables.table import Table
from perceptron.untrusted_text import quoted

_EITHER = re.compile(r"\+?([1-9]\d{0,2})\.(\d{3})", re.ASCII).fullmatch


class Points:
    """What the points in the columns of a table can mean.

    ``unsettled`` are the columns whose fields are still to be looked at.
    """

    def __init__(self, table: Table) -> None:
        numbers = {"size", "seconds", "stdev", "threads", "batch", "outputs", "models"}
        self.unsettled = numbers & set(table.columns) if table.separator == ";" else set()
        self._file = table.file
        self._doubtful: dict[str, tuple[int, str]] = {}

    def look_at(self, row: int, column: str, field: str) -> None:
        """Look at a number of an unsettled column."""
        text = field.strip()
        if _EITHER(text):
            self._doubtful.setdefault(column, (row, text))
        elif "." in text:
            self.unsettled.discard(column)
            self._doubtful.pop(column, None)

    def must_be_settled(self) -> None:
        """Raise `UserError` about the first number whose point may mean either."""
        doubtful = ((row, column, text) for column, (row, text) in self._doubtful.items())
        for row, column, text in sorted(doubtful):
            number = text.removeprefix("+")
            thousands = int(number.replace(".", ""))
            short = f"{float(number)!r}"
            plain = f"{number}0" if _EITHER(short) else short
            raise UserError(
                f"{self._file}, row {row}, column {column!r}: {quoted(text)} may mean "
                f"{float(number):g} or {thousands:,}; write {plain} or {thousands}"
            )
