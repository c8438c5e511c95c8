"""Read several sources, skip copies of files, and name and number their rows together."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from perceptron import optional
from perceptron.errors import UserError
from perceptron.options import in_python, option
from perceptron.records.readers.any_source import read_source
from perceptron.records.readers.columns import data_frame
from perceptron.records.readers.naming import ProcessNumbers, name_rows
from perceptron.records.readers.parameter_roles import ParameterRoles, roles_of
from perceptron.records.readers.reading import (
    NO_SIZE,
    NOT_ASKED_FOR,
    Reading,
    ReadRequest,
)
from perceptron.records.readers.values import SECONDS_IN, UnitName
from perceptron.records.row import no_search_for_cycles
from perceptron.records.store import load_plan
from perceptron.untrusted_text import label, shortened

if TYPE_CHECKING:
    import pandas

    from perceptron.records.measurement import Measurement

# The most characters of the parameters that an error names.
_LONGEST = 400


def load_sources(sources: Sequence[str | Path], request: ReadRequest) -> list[Reading]:
    """Load each source once, in order; by default the folder ``results``.

    No two rows with the same problem, backend and comparison key share a process number. A copy of
    a file counts once. Raises `UserError` for a source that does not exist or cannot be read, and
    if no benchmark has the requested parameters.
    """
    seen: set[bytes] = set()
    names = dict.fromkeys(map(str, sources or ("results",)))
    readings = [Reading(request, name, seen) for name in names]
    with no_search_for_cycles():
        for reading in readings:
            read_source(Path(reading.source), reading)
        _parameters_must_be_of_use(readings, request)
        _something_must_be_chosen(readings)
        numbers = ProcessNumbers()
        named = list(name_rows([run for reading in readings for run in reading.runs]))
        named.reverse()
        for reading in readings:
            reading.run_rows = [len(run) for run in reading.runs]
            reading.runs = []
            for _ in reading.run_rows:  # popped to free memory: rows with new numbers are copies
                reading.rows += numbers.number([foreign.row for foreign in named.pop()])
    return readings


def _parameters_must_be_of_use(readings: Sequence[Reading], request: ReadRequest) -> None:
    """Raise `UserError` if the user named parameters and all sources are tables without them."""
    if request.roles == ParameterRoles():
        return
    if all(reading.formats == {"csv"} and not reading.has_named_columns for reading in readings):
        raise UserError(
            f"{', '.join(reading.source for reading in readings)}: no column of each name in "
            f"{', '.join(sorted(request.roles.names))}; {option('by')} and {option('size')} name "
            f"columns of a table, and {option('size-regex')} is about names of benchmarks"
        )


def _something_must_be_chosen(readings: Sequence[Reading]) -> None:
    """Warn of each source without rows; raise `UserError` with the reason if none has any."""
    empty = [
        reading
        for reading in readings
        if reading.formats - {"perceptron", "csv"}  # others have parameters to choose by
        and not any(reading.runs)
        and not (NOT_ASKED_FOR in reading.skipped or reading.has_repeats)
    ]
    for reading in empty:
        reason = _reason_of_empty(reading)
        if len(empty) == len(readings):
            raise UserError(f"{reading.source}: {reason}")
        reading.report_error(
            Path(reading.source), reason, "the other sources are read", "nothing-chosen"
        )


def _reason_of_empty(reading: Reading) -> str:
    """Return why a source has no row; unusable sizes come before missing parameters."""
    unread = "".join(f"; {line}" for line in reading.unread[:1])
    roles = reading.request.roles
    if reading.unused and NO_SIZE not in reading.skipped:
        parameters = sorted({label(name) for name in reading.unused})
        return (
            f"no benchmark has the parameters {', '.join(sorted(roles.names))}; there are: "
            f"{shortened(', '.join(parameters), _LONGEST) or 'none'}; choose with {option('by')} "
            f"and {option('size')}, or find sizes in names with {option('size-regex')}{unread}"
        )
    reasons = [f"{rows:,} {reason}" for reason, rows in reading.skipped.most_common()]
    messages = [warning.message for warning in reading.warnings[:1]]
    if not (reasons or messages):
        return "no rows in it"
    return f"no row of it can be used: {'; '.join([*reasons, *messages])}"


Source = str | Path


def load_results(
    *sources: Source | Iterable[Source],
    by: str | Sequence[str] = (),
    size: str | None = None,
    size_regex: str | None = None,
    sep: str | None = None,
    unit: UnitName | None = None,
) -> pandas.DataFrame:
    """Load every row of the sources as a pandas table.

    The table has a column for each field of a `Measurement`, of a type that does not depend on the
    rows. For rows that this suite measured, ``run`` is the folder of their run and ``question`` the
    command. ``samples`` and ``dropped`` hold NumPy arrays and ``hidden`` tuples. Files of a folder
    that cannot be read, and sizes that are no numbers, give warnings.

    Parameters
    ----------
    *sources
        Files or folders; by default the folder ``results``. Results of this suite, asv,
        pytest-benchmark and the tools of `any_source.FORMATS`, and CSV tables (see `read_csv`).
    by
        Parameters of benchmarks, or columns of a CSV table, that hold the backend, joined by ``:``;
        by default ``backend``.
    size
        The parameter or column that holds the size; by default ``size``.
    size_regex
        A pattern that finds the size in a benchmark's name, see `parameters_in`.
    sep
        The separator of a CSV table's fields.
    unit
        The unit of a CSV table's times: ``s``, ``ms``, ``us`` or ``ns``; by default seconds.

    Raises
    ------
    UserError
        If a source does not exist or cannot be read, if no benchmark has these parameters, or if
        pandas is not installed.
    """
    optional.require("pages", "pandas")
    import pandas

    with in_python(), no_search_for_cycles():
        request = ReadRequest(
            roles=roles_of(by, size, size_regex), separator=sep, unit=unit, samples="arrays"
        )
        loaded = load(sources, request)
        rows: list[Measurement] = []
        for reading in loaded:
            rows += reading.rows
            reading.rows.clear()
        table = data_frame(rows)
        runs = [
            run for reading in loaded for run in zip(reading.folders, reading.run_rows, strict=True)
        ]
        for column, value in (
            ("run", lambda folder: folder and str(folder)),
            ("question", _question),
        ):
            texts = [text for folder, rows in runs for text in [value(folder)] * rows]
            table[column] = pandas.Series(texts, dtype="object")
        return table


def _question(folder: Path | None) -> str | None:
    """Return the command of a run; None if its plan is missing."""
    if folder is None:
        return None
    try:
        return str(load_plan(folder).plan.get("study"))
    except UserError:
        return None  # rows alone were copied


def load(sources: Sequence[Source | Iterable[Source]], request: ReadRequest) -> list[Reading]:
    """Return the readings of the sources, and give their warnings."""
    named = [
        source
        for group in sources
        for source in ([group] if isinstance(group, str | Path) else group)
    ]
    if sources and not named:  # an empty list does not mean the default
        raise UserError("no sources in the list: name a file or folder of results")
    if request.unit is not None and request.unit not in SECONDS_IN:
        raise UserError(f"unit takes {', '.join(SECONDS_IN)}; got {request.unit!r}")
    loaded = load_sources(named, request)
    for warning in (warning for source in loaded for warning in source.warnings):
        warnings.warn(f"{warning.message}; {warning.advice}", stacklevel=3)
    return loaded
