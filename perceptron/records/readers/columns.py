"""Rows as a pandas table: a column for each field of a `Measurement`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from perceptron.errors import UserError
from perceptron.records.measurement import Measurement

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


def data_frame(rows: Sequence[Measurement]) -> pandas.DataFrame:
    """Return the rows with a column for each field; ``hidden`` holds tuples.

    Raises `UserError` for a number that the type of its column does not hold.
    """
    import pandas

    fields = msgspec.structs.fields(Measurement)
    objects = [np.empty(len(rows), object) for _ in fields]
    for start in range(0, len(rows), _AT_ONCE):
        columns = zip(*map(msgspec.structs.astuple, rows[start : start + _AT_ONCE]), strict=True)
        for array, column in zip(objects, columns, strict=True):
            # One value after the other: of lists of one length NumPy would make a matrix.
            array[start : start + len(column)] = np.fromiter(column, object, len(column))
    table: dict[str, Any] = {}
    for field, values in zip(fields, objects, strict=True):
        if field.name == "hidden":
            tuples = (None if widths is None else tuple(widths) for widths in values)
            values = np.fromiter(tuples, object, len(values))
        try:
            table[field.name] = _column(values, _DTYPES.get(field.type, "object"))
        except OverflowError:
            raise UserError(
                f"{field.name}: a row holds a number that is too large for a table; leave out its "
                "file"
            ) from None
    return pandas.DataFrame(table, copy=False)


def _column(values: np.ndarray[Any, np.dtype[Any]], dtype: str) -> Any:
    import pandas

    if dtype != "Int64":
        return pandas.Series(values.astype(dtype, copy=False), dtype=dtype, copy=False)
    absent = pandas.isna(values)
    return pandas.arrays.IntegerArray(np.where(absent, 1, values).astype("int64"), absent)
