"""Columns of rows as one pandas table, whose types do not depend on what is in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from perceptron.errors import UserError
from perceptron.records.measurement import Measurement
from perceptron.records.readers.shared.columns import Columns, Repeated

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
Values = np.ndarray[Any, np.dtype[Any]]


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


def _joined(runs: Sequence[Columns], field: str, dtype: str) -> Values:
    """Return the column of all runs as one array."""
    joined = np.empty(sum(map(len, runs)), dtype)
    start = 0
    for run in runs:
        column, end = run[field], start + len(run)
        if isinstance(column, Repeated):
            joined[start:end].fill(
                np.nan if column.value is None and dtype == "float64" else column.value
            )
        elif isinstance(column, np.ndarray) or dtype == "int64":
            joined[start:end] = column
        else:
            # One value after the other: of lists of one length NumPy would make a matrix.
            joined[start:end] = np.fromiter(column, dtype, len(column))
        start = end
    return joined
