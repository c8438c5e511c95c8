"""Rows of our own, field by field: a third of the memory of single rows; and as a pandas table."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from perceptron.errors import UserError
from perceptron.records.measurement import Measurement

if TYPE_CHECKING:
    import pandas


FIELDS = Measurement.__struct_fields__
_FRACTIONS = frozenset(
    field.name
    for field in msgspec.structs.fields(Measurement)
    if field.type in (float, float | None)
)
# Stable, whether or not a value is absent. Other columns hold Python's objects.
_DTYPES = {
    float: "float64",
    float | None: "float64",
    int | float: "float64",
    int: "int64",
    int | None: "Int64",
}
Column = Sequence[Any] | np.ndarray[Any, np.dtype[Any]]


class Columns:
    """Rows as a column for each field of a `Measurement`, in their order.

    Fractions are float64 with NaN for None, ``hidden`` holds tuples, and everything else what the
    rows hold.
    """

    def __init__(self, rows: int, columns: Mapping[str, Column]) -> None:
        self._rows = rows
        self._columns = columns

    def __len__(self) -> int:
        return self._rows

    def __getitem__(self, field: str) -> Column:
        return self._columns[field]

    @property
    def are_ours(self) -> bool:
        """Whether the suite itself measured all rows: no other row can change their names."""
        ours = (("source", "perceptron"), ("file", None))
        return all(set(self[field]) <= {value} for field, value in ours)

    def with_column(self, field: str, values: Column) -> Columns:
        """Return the same rows with another column of a field."""
        return Columns(self._rows, {**self._columns, field: values})


class Packer:
    """Turns rows into columns; equal values of all that it has seen are there once.

    A fleet's rows say the same few thousand names and numbers over and over again.
    """

    def __init__(self) -> None:
        self._known: dict[str, dict[Hashable, Any]] = {name: {} for name in FIELDS}

    def pack(self, rows: Sequence[Measurement]) -> Columns:
        """Return the rows as columns."""
        if not rows:
            return Columns(0, dict.fromkeys(FIELDS, ()))
        columns = zip(FIELDS, zip(*map(msgspec.structs.astuple, rows), strict=True), strict=True)
        return Columns(len(rows), {name: self._packed(name, values) for name, values in columns})

    def _packed(self, name: str, values: tuple[Any, ...]) -> Column:
        if name == "hidden":
            values = tuple(None if widths is None else tuple(widths) for widths in values)
        once = self._known[name].setdefault
        first, rows = values[0], len(values)
        try:
            if values.count(first) == rows:  # as in most columns of a run: there once
                value = np.empty((), object)
                value[()] = once(first, first)
                return np.broadcast_to(value, rows)
            if name in _FRACTIONS:
                return np.array(values, np.float64)
            return list(map(once, values, values))
        except TypeError:  # lists, and what holds some, can be changed: each row has its own
            return values


def data_frame(runs: Sequence[Columns]) -> pandas.DataFrame:
    """Return the rows of the runs, one after the other, with a column for each field.

    Raises `UserError` for a number that the type of its column does not hold.
    """
    import pandas

    columns: dict[str, Any] = {}
    for field in msgspec.structs.fields(Measurement):
        dtype = _DTYPES.get(field.type, "object")
        try:
            columns[field.name] = _column(runs, field.name, dtype)
        except OverflowError:
            raise UserError(
                f"{field.name}: a row holds a number that is too large for a table; leave out its "
                "file"
            ) from None
    return pandas.DataFrame(columns, copy=False)


def _column(runs: Sequence[Columns], field: str, dtype: str) -> Any:
    import pandas

    if dtype != "Int64":
        return pandas.Series(_joined(runs, field, dtype), dtype=dtype, copy=False)
    values = _joined(runs, field, "object")
    absent = np.fromiter((value is None for value in values), bool, len(values))
    values[absent] = 1
    return pandas.arrays.IntegerArray(values.astype("int64"), absent)


def _joined(runs: Sequence[Columns], field: str, dtype: str) -> np.ndarray[Any, np.dtype[Any]]:
    """Return the column of all runs as one array."""
    joined = np.empty(sum(map(len, runs)), dtype)
    start = 0
    for run in runs:
        column, end = run[field], start + len(run)
        if not isinstance(column, np.ndarray) and dtype != "int64":
            # One value after the other: of lists of one length NumPy would make a matrix.
            column = np.fromiter(column, dtype, len(column))
        joined[start:end] = column
        start = end
    return joined
