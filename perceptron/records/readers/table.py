"""Load all results as one table, whoever measured them."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from perceptron import optional
from perceptron.records.measurement import Measurement
from perceptron.records.readers.any_source import read_source
from perceptron.records.readers.foreign_rows import SourceContents
from perceptron.records.readers.naming import name_rows
from perceptron.records.readers.parameter_roles import ParameterRoles
from perceptron.records.readers.processes import number_processes

if TYPE_CHECKING:
    import pandas


def load_measurements(
    *sources: str | Path, by: Sequence[str] = (), size: str | None = None
) -> list[Measurement]:
    """Load every row of the sources, in their order; by default of the folder ``results``.

    A source is a results folder of ours (with asv's results in ``asv`` beside our ``runs``), one
    run in it, a folder or file of asv's results, a file that ``pytest --benchmark-json`` wrote or a
    folder of such, or a CSV table (see `csv_results`). ``by`` and ``size`` name the parameters of
    asv's and pytest-benchmark's benchmarks that hold the backend (several are joined by ``:``) and
    the size; by default ``backend`` and ``size``. Our own rows are always read as ours.

    No two values of a problem and backend on equal ground share a ``process``, whatever runs they
    come from. Warns of a damaged line of ours, and of a source without these parameters if another
    has them. Raises `UserError` in one line for a source that does not exist or cannot be
    understood, and where no benchmark has these parameters.
    """
    roles = ParameterRoles(by=tuple(by) or ("backend",), size=size or "size")
    # A source named twice is read once: its values would count as twice as many processes.
    named_once = {os.path.abspath(source): str(source) for source in sources or ("results",)}
    contents = {name: read_source(Path(name), roles, _warn) for name in named_once.values()}
    _complain_of_none_selected(contents, roles)
    runs = name_rows([run for source in contents.values() for run in source.runs])
    return number_processes([[foreign.row for foreign in run] for run in runs])


def load_results(
    *sources: str | Path, by: Sequence[str] = (), size: str | None = None
) -> pandas.DataFrame:
    """Load what `load_measurements` does as a table with one column for each `Measurement` field.

    ``samples`` holds lists, ``hidden`` tuples (so that one can group by it). Raises
    `UserError` where pandas is not installed.
    """
    optional.require("pages", "pandas")
    import pandas

    columns = [field.name for field in msgspec.structs.fields(Measurement)]
    rows = [msgspec.structs.astuple(row) for row in load_measurements(*sources, by=by, size=size)]
    table = pandas.DataFrame(rows, columns=columns)
    table["hidden"] = [None if hidden is None else tuple(hidden) for hidden in table["hidden"]]
    return table


def _complain_of_none_selected(contents: dict[str, SourceContents], roles: ParameterRoles) -> None:
    has_rows = {source: any(part.runs) for source, part in contents.items() if part.selected}
    for source, any_rows in has_rows.items():
        if not any_rows:
            error = roles.missing(source, contents[source].unused)
            if not any(has_rows.values()):
                raise error
            _warn(str(error))


def _warn(complaint: str) -> None:
    warnings.warn(complaint, stacklevel=2)
