"""Convert rows to a pandas table with a column for each field of a `Measurement`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from msgspec.structs import force_setattr

from perceptron.errors import UserError
from perceptron.records.measurement import Measurement
from perceptron.records.row import Row

if TYPE_CHECKING:
    import pandas


# Column types, the same whether or not a value is absent. Other columns hold Python objects.
_DTYPES = {
    float: "float64",
    float | None: "float64",
    int | float: "float64",
    int: "int64",
    int | None: "Int64",
}
# Rows converted at a time: converting all rows field by field takes twice as long.
_AT_ONCE = 1000
_SAMPLES = ("samples", "dropped")
_NO_SAMPLES = np.empty(0)

Values = np.ndarray[Any, np.dtype[Any]]


def with_arrays(row: Row) -> Row:
    """Replace the lists of samples in a newly decoded row by arrays; return the row.

    A list of twenty floats takes 2.5 times as much memory.
    """
    if isinstance(row, Measurement):
        for name in _SAMPLES:
            force_setattr(row, name, _array(getattr(row, name)))
    return row


def data_frame(rows: list[Measurement]) -> pandas.DataFrame:
    """Convert the rows to a table with a column for each field, and empty the list.

    The list is emptied because a million rows and their table took 2 GB. ``hidden`` holds tuples,
    ``samples`` and ``dropped`` arrays. Raises `UserError` for a number too large for its column.
    """
    import pandas

    fields = msgspec.structs.fields(Measurement)
    columns = [
        _Column(field.name, _DTYPES.get(field.type, "object"), len(rows)) for field in fields
    ]
    while rows:
        block = rows[-_AT_ONCE:]
        del rows[-_AT_ONCE:]
        values = zip(*map(msgspec.structs.astuple, block), strict=True)
        for column, column_values in zip(columns, values, strict=True):
            column.put(slice(len(rows), len(rows) + len(block)), column_values)
    return pandas.DataFrame({column.name: column.made() for column in columns}, copy=False)


class _Column:
    """A column of a table, allocated with its final type so that no Python number is kept."""

    def __init__(self, name: str, dtype: str, length: int) -> None:
        self.name = name
        self._dtype = dtype
        self._values: Values = np.empty(length, dtype.lower())
        self._absent = np.zeros(length if dtype == "Int64" else 0, bool)

    def put(self, rows: slice, values: Sequence[Any]) -> None:
        """Set the values of a slice of rows; raises `UserError` if a number is too large."""
        try:
            if self._dtype == "Int64":
                self._absent[rows] = [value is None for value in values]
                self._values[rows] = [1 if value is None else value for value in values]
            elif self._dtype == "object":
                # `fromiter`, because `array` would make a matrix of lists of equal length.
                self._values[rows] = np.fromiter(map(self._shown, values), object, len(values))
            else:
                self._values[rows] = np.array(values, self._dtype)
        except OverflowError:
            raise UserError(
                f"{self.name}: a row holds a number that is too large for a table; leave out its "
                "file"
            ) from None

    def _shown(self, value: Any) -> Any:
        if self.name in _SAMPLES:
            return _array(value)
        return tuple(value) if self.name == "hidden" and value is not None else value

    def made(self) -> Any:
        """Return the column as a pandas array or series."""
        import pandas

        if self._dtype == "Int64":
            return pandas.arrays.IntegerArray(self._values, self._absent)
        return pandas.Series(self._values, dtype=self._dtype, copy=False)


def _array(seconds: Sequence[float]) -> Values:
    return np.asarray(seconds, np.float64) if len(seconds) else _NO_SAMPLES
