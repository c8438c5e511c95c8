"""Columns of rows as one pandas table, whose types do not depend on what is in it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from perceptron.records.measurement import Measurement
from perceptron.records.readers.shared.columns import Columns

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


def data_frame(runs: Sequence[Columns]) -> pandas.DataFrame:
    """Return the rows of the runs, one after the other, with a column for each field."""
    import pandas

    count = sum(map(len, runs))
    columns: dict[str, Any] = {}
    for field in msgspec.structs.fields(Measurement):
        dtype = _DTYPES.get(field.type, "object")
        parts = [run[field.name] for run in runs]
        if dtype == "Int64":
            columns[field.name] = pandas.array(list(chain.from_iterable(parts)), dtype=dtype)
        elif all(isinstance(part, np.ndarray) for part in parts) and parts:
            columns[field.name] = np.concatenate(parts)
        else:
            # From one value after the other: of lists of one length NumPy would make a matrix.
            values = np.fromiter(chain.from_iterable(parts), dtype, count)
            columns[field.name] = pandas.Series(values, dtype=dtype, copy=False)
    return pandas.DataFrame(columns, copy=False)
