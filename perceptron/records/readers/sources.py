"""Read sources one after the other, leave out copies, and name and number their rows together."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from perceptron import optional
from perceptron.errors import UserError, unknown
from perceptron.records.measurement import Measurement
from perceptron.records.readers.any_source import read_source
from perceptron.records.readers.columns import data_frame
from perceptron.records.readers.naming import ProcessNumbers, name_rows
from perceptron.records.readers.parameter_roles import (
    MACHINE,
    ParameterRoles,
    are_numbered,
    name_pattern,
)
from perceptron.records.readers.reading import (
    NOT_ASKED_FOR,
    UNUSABLE_SIZE,
    ForeignRow,
    Reading,
    ReadRequest,
)
from perceptron.records.row import no_search_for_cycles

if TYPE_CHECKING:
    import pandas


_A_COPY = "a copy of a row in another file"
# Of what, where and when a file's rows were measured: the same for all of them, and of one.
_STATE = attrgetter("source", "machine", "environment", "commit")
_MOMENT = attrgetter(
    *("source", "machine", "environment", "commit", "version", "when"),
    *("family", "backend", "size", "seconds", "reason"),
)

ALL_MACHINES = "several machines"
"""The machine of rows whose machines are compared."""


def load_sources(
    sources: Sequence[str | Path], request: ReadRequest, numbers: ProcessNumbers | None = None
) -> list[Reading]:
    """Load the sources in their order, each once; by default the folder ``results``.

    No two values of a problem and backend on equal ground share a ``process``, whatever runs they
    come from; ``numbers`` are those that rows have which were loaded before, where all are parts of
    a whole. Copies of rows in another file are left out. Raises `UserError` in one line for a
    source that does not exist or cannot be understood, and where no benchmark has the parameters
    asked for.
    """
    named_once = {_real_path(source): str(source) for source in sources or ("results",)}
    seen: set[Path] = set()
    readings = [Reading(request, name, seen) for name in named_once.values()]
    with no_search_for_cycles():
        for reading in readings:
            read_source(Path(reading.source), reading)
        _parameters_must_be_of_use(readings, request)
        _something_must_be_chosen(readings)
        _leave_out_copies(readings)
        _name_and_number(readings, request, numbers or ProcessNumbers())
    return readings


def _name_and_number(
    readings: Sequence[Reading], request: ReadRequest, numbers: ProcessNumbers
) -> None:
    """Give the rows of all runs, in their order, the names and process numbers that they keep."""
    runs = [run for reading in readings for run in reading.runs]
    if request.roles.across_machines:
        by = request.roles.backends
        runs = [[_on_any_machine(row, by) for row in run] for run in runs]
    left = list(reversed(name_rows(runs)))
    del runs
    for reading in readings:
        # Numbered rows are others: there may be a million, so both are not kept.
        count, reading.runs = len(reading.runs), []
        for _ in range(count):
            reading.rows += numbers.number([foreign.row for foreign in left.pop()])


def _real_path(source: str | Path) -> str:
    """Return what is the same for every path, links among them, that leads to a source."""
    try:
        return os.path.realpath(source)
    except ValueError:  # a path that no file can have, which its reader complains of
        return str(source)


def _on_any_machine(foreign: ForeignRow, by: Sequence[str]) -> ForeignRow:
    """Return a row that can be compared with those of other machines, which are its backend."""
    row = foreign.row
    if foreign.own or row.source == "csv":
        # Their backend is a field, and one more that tells rows apart unless --by says otherwise.
        known = {MACHINE: row.machine, "backend": row.backend}
        for name in by:
            if name not in known:
                raise unknown("name in --by", name, known)
        others = {name: value for name, value in known.items() if name not in by}
        foreign = replace(foreign, own=False, name=foreign.name or row.family, others=others)
        # An environment of ours is of one machine.
        row = replace(row, backend=":".join(known[name] for name in by), environment=None)
    return replace(foreign, row=replace(row, machine=ALL_MACHINES))


def _parameters_must_be_of_use(readings: Sequence[Reading], request: ReadRequest) -> None:
    """Raise `UserError` where parameters were named and all sources are tables."""
    roles = request.roles
    if roles.are_usual or roles.across_machines:
        return
    if all(reading.formats == {"csv"} for reading in readings):
        option = "--by" if roles.by else "--size" if roles.pattern is None else "--size-regex"
        raise UserError(
            f"{', '.join(reading.source for reading in readings)}: {option} names parameters of "
            "benchmarks, and a table has columns of its own: case, size, backend and seconds; "
            "leave it out"
        )


def _something_must_be_chosen(readings: Sequence[Reading]) -> None:
    """Note why a source has no row; raise that `UserError` if none has any."""
    empty = [
        reading
        for reading in readings
        if reading.has_parameters
        and not any(reading.runs)
        and not (NOT_ASKED_FOR in reading.left_out or reading.has_repeats)
    ]
    for reading in empty:
        reading.nothing_chosen = _why_nothing(reading)
        if len(empty) == len(readings):
            raise reading.nothing_chosen


def _why_nothing(reading: Reading) -> UserError:
    """Return why a source has no row.

    Unusable sizes say more than absent parameters, and these more than a damaged file of many.
    """
    sizes = [warning for warning in reading.complaints if warning.code == UNUSABLE_SIZE]
    missing = reading.request.roles.missing(reading.source, reading.unused)
    # Parameters have numbers where the list that names them could not be read.
    unnamed = reading.unread and are_numbered(reading.unused - {MACHINE})
    if reading.unused and not sizes and not unnamed:
        return missing
    for warning in sizes or reading.complaints:
        return UserError(f"{warning.message}; {warning.advice}")
    for unread in reading.unread:
        return UserError(f"{unread.file}: {unread.reason}")
    for reason, rows in reading.left_out.most_common(1):
        if not reading.unused:
            return UserError(
                f"{reading.source}: no row of it can be used: {rows:,} {reason}; run it again"
            )
    return missing


def _leave_out_copies(readings: Sequence[Reading]) -> None:
    """Leave out rows of files of which another has the same: a copy is no second process.

    The same are rows of one moment, stated more closely than a second, with equal times to the
    last digit. (asv keeps milliseconds, of which rows hold the second.)
    """
    first_file: dict[Hashable, str] = {}
    files = Counter(_STATE(run[0].row) for reading in readings for run in reading.runs if run)

    def is_copy(foreign: ForeignRow) -> bool:
        row = foreign.row
        if row.file is None or not (row.source == "asv" or "." in row.when):
            return False
        same = (_MOMENT(row), foreign.name, tuple(foreign.others.values()))
        return first_file.setdefault(same, row.file) != row.file

    for reading in readings:
        before = sum(map(len, reading.runs))
        reading.runs = [
            # A history has one file of each state, and hundreds of thousands of rows.
            [foreign for foreign in run if not is_copy(foreign)]
            if run and files[_STATE(run[0].row)] > 1
            else run
            for run in reading.runs
        ]
        reading.leave_out(before - sum(map(len, reading.runs)), _A_COPY)


Source = str | Path


def load_measurements(*sources: Source | Iterable[Source], **options: Any) -> list[Measurement]:
    """Load the rows of what `load_results` loads, in their order; ``options`` are its own."""
    return _load(sources, **options)


def load_results(
    *sources: Source | Iterable[Source],
    by: str | Sequence[str] = (),
    size: str | None = None,
    size_regex: str | None = None,
    sep: str | None = None,
) -> pandas.DataFrame:
    """Return every row of the sources as a pandas table.

    There is one column for each field of a `Measurement`, whose type does not depend on the rows.
    ``samples`` holds lists and ``hidden`` tuples. Files that cannot be read in a folder, and sizes
    that are no numbers, are warned of.

    Parameters
    ----------
    *sources
        Files, folders or projects; by default the folder ``results``. Results of this suite, asv,
        pytest-benchmark and the tools of `any_source.FORMATS`, and CSV tables (see `read_csv`).
        Files may be compressed.
    by
        Parameters of benchmarks that hold the backend, joined by ``:``; by default ``backend``.
    size
        The parameter that holds the size; by default ``size``.
    size_regex
        A pattern that finds the size in a benchmark's name, see `parameters_in`.
    sep
        The separator of a CSV table's fields.

    Raises
    ------
    UserError
        For a source that does not exist or cannot be understood, where no benchmark has these
        parameters, and without pandas.
    """
    optional.require("pages", "pandas")
    with no_search_for_cycles():
        return data_frame(_load(sources, by, size, size_regex, sep))


def _flat(sources: Iterable[Source | Iterable[Source]]) -> list[Source]:
    """Return the sources, whether they were named one by one or in a list.

    Raises `UserError` where there is a list, and nothing in it: it does not mean the default.
    """
    given = list(sources)
    flat = [source for one in given for source in ([one] if isinstance(one, str | Path) else one)]
    if given and not flat:
        raise UserError("no sources in the list: name a file or folder of results")
    return flat


def _load(
    sources: Iterable[Source | Iterable[Source]],
    by: str | Sequence[str] = (),
    size: str | None = None,
    size_regex: str | None = None,
    sep: str | None = None,
) -> list[Measurement]:
    roles = ParameterRoles(
        by=(by,) if isinstance(by, str) else tuple(by),
        size=size or "size",
        pattern=None if size_regex is None else name_pattern("size_regex", size_regex),
    )
    loaded = load_sources(_flat(sources), ReadRequest(roles=roles, separator=sep))
    for warning in (warning for source in loaded for warning in source.warnings):
        warnings.warn(f"{warning.message}; {warning.advice}", stacklevel=3)
    return [row for source in loaded for row in source.rows]
