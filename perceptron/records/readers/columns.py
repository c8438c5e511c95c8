"""Rows as a pandas table: a column for each field of a `Measurement`."""

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


# Stable, whether or not a value is absent. Other columns hold Python's objects.
_DTYPES = {
    float: "float64",
    float | None: "float64",
    int | float: "float64",
    int: "int64",
    int | None: "Int64",
}
# Rows that are turned at a time: field by field through all of them takes twice as long.
_AT_ONCE = 1000
_SAMPLES = ("samples", "dropped")
_NO_SAMPLES = np.empty(0)

Values = np.ndarray[Any, np.dtype[Any]]


def with_arrays(row: Row) -> Row:
    """Return a row that was just decoded, whose samples are arrays, as a table holds them.

    A list of twenty floats takes 2.5 times as much memory.
    """
    if isinstance(row, Measurement):
        for name in _SAMPLES:
            force_setattr(row, name, _array(getattr(row, name)))
    return row


def data_frame(rows: list[Measurement]) -> pandas.DataFrame:
    """Return the rows with a column for each field; the list is empty afterwards.

    A million rows beside their table took 2 GB. ``hidden`` holds tuples, ``samples`` and
    ``dropped`` arrays. Raises `UserError` for a number that the type of its column does not hold.
    """
    import pandas

    fields = msgspec.structs.fields(Measurement)
    columns = [
        _Column(field.name, _DTYPES.get(field.type, "object"), len(rows)) for field in fields
    ]
    while rows:
        taken = rows[-_AT_ONCE:]
        del rows[-_AT_ONCE:]
        values = zip(*map(msgspec.structs.astuple, taken), strict=True)
        for column, here in zip(columns, values, strict=True):
            column.put(slice(len(rows), len(rows) + len(taken)), here)
    return pandas.DataFrame({column.name: column.made() for column in columns}, copy=False)


class _Column:
    """A column of its final type from the start: no number of a row outlives the row."""

    def __init__(self, name: str, dtype: str, length: int) -> None:
        self.name = name
        self._dtype = dtype
        self._values: Values = np.empty(length, dtype.lower())
        self._absent = np.zeros(length if dtype == "Int64" else 0, bool)

    def put(self, place: slice, values: Sequence[Any]) -> None:
        """Take the values of some rows; raises `UserError` where one is too large."""
        try:
            if self._dtype == "Int64":
                self._absent[place] = [value is None for value in values]
                self._values[place] = [1 if value is None else value for value in values]
            elif self._dtype == "object":
                # One value after the other: of lists of one length NumPy would make a matrix.
                self._values[place] = np.fromiter(map(self._shown, values), object, len(values))
            else:
                self._values[place] = np.array(values, self._dtype)
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
        """Return the column."""
        import pandas

        if self._dtype == "Int64":
            return pandas.arrays.IntegerArray(self._values, self._absent)
        return pandas.Series(self._values, dtype=self._dtype, copy=False)


def _array(seconds: Sequence[float]) -> Values:
    return np.asarray(seconds, np.float64) if len(seconds) else _NO_SAMPLES
