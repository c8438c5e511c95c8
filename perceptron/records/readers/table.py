"""All results as one table, whoever measured them."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from perceptron import optional
from perceptron.records.measurement import Measurement
from perceptron.records.readers.foreign import ParameterRoles, SourceContents
from perceptron.records.readers.names import named
from perceptron.records.readers.processes import numbered
from perceptron.records.readers.sources import read_source

if TYPE_CHECKING:
    import pandas


def load_measurements(
    *sources: str | Path, by: Sequence[str] = (), size: str | None = None
) -> list[Measurement]:
    """Every row of the sources, in their order; by default of the folder ``results``.

    A source is a results folder of ours (with asv's results in ``asv`` beside our ``runs``), one
    run in it, a folder or file of asv's results, a file that ``pytest --benchmark-json`` wrote or a
    folder of such, or a CSV table (see `csv_results`). ``by`` and ``size`` name the parameters of
    asv's and pytest-benchmark's benchmarks that hold the backend (several are joined by ``:``) and
    the size; by default ``backend`` and ``size``. Our own rows are always read as ours.

    No two values of a problem and backend on equal ground share a ``process``, whatever runs they
    come from. A line of ours that is damaged is warned of, as is a source without the wanted
    parameters if another has them. Raises `UserError` in one line for a source that is none or
    cannot be understood, and where no benchmark has the wanted parameters.
    """
    wanted = ParameterRoles(by=tuple(by) or ("backend",), size=size or "size")
    # Named twice it is read once: its values would be taken for twice as many processes.
    named_once = {os.path.abspath(source): str(source) for source in sources or ("results",)}
    found = {name: read_source(Path(name), wanted, _warn) for name in named_once.values()}
    _complain_of_none_chosen(found, wanted)
    runs = named([run for each in found.values() for run in each.runs])
    return numbered([[seen.row for seen in run] for run in runs])


def load_results(
    *sources: str | Path, by: Sequence[str] = (), size: str | None = None
) -> pandas.DataFrame:
    """`load_measurements` as a table with one column for each `Measurement` field.

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


def _complain_of_none_chosen(found: dict[str, SourceContents], wanted: ParameterRoles) -> None:
    chosen = {source: any(each.runs) for source, each in found.items() if each.chosen}
    for source, some in chosen.items():
        if not some:
            error = wanted.missing(source, found[source].passed_over)
            if not any(chosen.values()):
                raise error
            _warn(str(error))


def _warn(complaint: str) -> None:
    warnings.warn(complaint, stacklevel=2)
