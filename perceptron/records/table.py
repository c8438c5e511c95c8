"""All results as one table, whoever measured them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from perceptron.errors import UserError
from perceptron.records.asv_results import is_asv_folder, read_asv
from perceptron.records.measurement import Measurement
from perceptron.records.pytest_results import read_pytest
from perceptron.records.store import read_rows

if TYPE_CHECKING:
    import pandas


def load_measurements(*sources: str | Path) -> list[Measurement]:
    """Every row of the sources, in their order; by default of the folder ``results``.

    A source is a results folder of ours (with asv's results in ``asv`` beside our ``runs``), a
    folder of asv's, or a file that ``pytest --benchmark-json`` wrote. A file that is damaged is
    warned of and the rest still reads; a source that is none raises `UserError`.
    """
    return [row for source in sources or ("results",) for row in _rows(Path(source))]


def load_results(*sources: str | Path) -> pandas.DataFrame:
    """`load_measurements` as a table with one column for each `Measurement` field.

    ``samples`` holds lists, ``hidden`` tuples (so that one can group by it).
    """
    import pandas

    columns = [field.name for field in msgspec.structs.fields(Measurement)]
    rows = [msgspec.structs.astuple(row) for row in load_measurements(*sources)]
    table = pandas.DataFrame(rows, columns=columns)
    table["hidden"] = [None if hidden is None else tuple(hidden) for hidden in table["hidden"]]
    return table


def _rows(source: Path) -> Iterator[Measurement]:
    if source.is_file():
        yield from read_pytest(source)
    elif is_asv_folder(source):
        yield from read_asv(source)
    elif source.is_dir():
        for file in sorted(source.glob("runs/*/*/measurements.jsonl")):
            yield from read_rows(file, complain=_warn)
        if is_asv_folder(source / "asv"):
            yield from read_asv(source / "asv")
    else:
        raise UserError(f"{source}: no such results; `perceptron bench` makes some")


def _warn(complaint: str) -> None:
    warnings.warn(complaint, stacklevel=2)
