"""Load all results as one table, whoever measured them."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from perceptron import optional
from perceptron.errors import UserError
from perceptron.records.measurement import Measurement
from perceptron.records.readers.columns import data_frame
from perceptron.records.readers.parameter_roles import ParameterRoles, name_pattern
from perceptron.records.readers.reading import ReadRequest
from perceptron.records.readers.sources import load_columns, load_sources
from perceptron.records.warning import MeasurementWarning

if TYPE_CHECKING:
    import pandas

Source = str | Path


def load_measurements(
    *sources: Source | Iterable[Source],
    by: str | Sequence[str] = (),
    size: str | None = None,
    size_regex: str | None = None,
    sep: str | None = None,
) -> list[Measurement]:
    """Load every row of the sources, in their order; by default of the folder ``results``.

    A source is a results folder of ours (with asv's results in ``asv`` beside our ``runs``), one
    run in it, a folder or file of asv's results, a file of one of `json_formats` or a folder of
    such, a CSV table (see `read_csv`), or a project in which one of these lies where its tool
    puts it; files may be compressed. ``by`` and ``size`` name the parameters of benchmarks that
    hold the backend (several are joined by ``:``) and the size; by default ``backend`` and
    ``size``. ``size_regex`` finds the size in the benchmark's name, see `NamePattern`; ``sep`` is
    what separates the fields of a table. Our own rows are always read as ours.

    No two values of a problem and backend on equal ground share a ``process``, whatever runs they
    come from. Warns of what cannot be read in a folder and of unusable sizes. Raises `UserError` in
    one line for a source that does not exist or cannot be understood, and where no benchmark has
    these parameters.
    """
    loaded = load_sources(_flat(sources), _request(by, size, size_regex, sep))
    _warn([warning for source in loaded for warning in source.warnings])
    return [row for source in loaded for row in source.rows]


def load_results(
    *sources: Source | Iterable[Source],
    by: str | Sequence[str] = (),
    size: str | None = None,
    size_regex: str | None = None,
    sep: str | None = None,
) -> pandas.DataFrame:
    """Load what `load_measurements` does as a table with one column for each `Measurement` field.

    ``samples`` holds lists, ``hidden`` tuples (so that one can group by it); numbers and texts have
    their types even where there are no rows. Raises `UserError` where pandas is not installed.
    """
    optional.require("pages", "pandas")
    columns, notes = load_columns(_flat(sources), _request(by, size, size_regex, sep))
    _warn(notes)
    return data_frame(columns)


def _flat(sources: Iterable[Source | Iterable[Source]]) -> list[Source]:
    """Return the sources, whether they were named one by one or in a list.

    Raises `UserError` where there is a list, and nothing in it: it does not mean the default.
    """
    given = list(sources)
    flat = [source for one in given for source in ([one] if isinstance(one, str | Path) else one)]
    if given and not flat:
        raise UserError("no sources in the list: name a file or folder of results")
    return flat


def _request(
    by: str | Sequence[str], size: str | None, size_regex: str | None, sep: str | None
) -> ReadRequest:
    return ReadRequest(
        roles=ParameterRoles(
            by=(by,) if isinstance(by, str) else tuple(by),
            size=size or "size",
            pattern=None if size_regex is None else name_pattern("size_regex", size_regex),
        ),
        separator=sep,
    )


def _warn(notes: Iterable[MeasurementWarning]) -> None:
    for warning in notes:
        warnings.warn(f"{warning.message}; {warning.advice}", stacklevel=3)
