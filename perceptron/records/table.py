"""All results as one pandas table, for a notebook."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from perceptron.errors import UserError
from perceptron.records.measurement import Measurement
from perceptron.records.store import read_rows

if TYPE_CHECKING:
    import pandas


def load_measurements(results: str | Path = "results") -> list[Measurement]:
    """Every row under a results folder, the oldest run first."""
    folder = Path(results)
    if not folder.is_dir():
        raise UserError(f"{folder}: no such results folder; `perceptron bench` makes one")
    files = sorted(folder.glob("runs/*/*/measurements.jsonl"))
    return [row for file in files for row in read_rows(file)]


def load_results(results: str | Path = "results") -> pandas.DataFrame:
    """Every row under a results folder as a table with one column for each `Measurement` field.

    ``samples`` holds lists, ``hidden`` tuples (so that one can group by it).
    """
    import pandas

    columns = [field.name for field in msgspec.structs.fields(Measurement)]
    rows = [msgspec.structs.astuple(row) for row in load_measurements(results)]
    table = pandas.DataFrame(rows, columns=columns)
    table["hidden"] = [None if hidden is None else tuple(hidden) for hidden in table["hidden"]]
    return table
