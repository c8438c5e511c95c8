"""Leave out rows that another file has as well."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping

from msgspec.structs import replace

from perceptron.records.readers.shared.columns import Columns
from perceptron.records.readers.shared.foreign_rows import ForeignRow, Run, SourceContents
from perceptron.records.readers.shared.reading import ReadingNotes

_A_COPY = "a copy of a row in another file"


def without_copies(
    contents: Mapping[str, SourceContents], notes: Mapping[str, ReadingNotes]
) -> dict[str, SourceContents]:
    """Leave out rows of files of which another has the same: a copy is no second process.

    The same are rows of one moment, stated more closely than a second, with equal times to the
    last digit. (asv keeps milliseconds, of which rows hold the second.)
    """
    first_file: dict[Hashable, str] = {}
    files = Counter(
        _state(run)
        for part in contents.values()
        for run in part.runs
        if run and not isinstance(run, Columns)
    )

    def is_copy(foreign: ForeignRow) -> bool:
        row = foreign.row
        if row.file is None or not (row.source == "asv" or "." in row.when):
            return False
        return first_file.setdefault(_identity(foreign), row.file) != row.file

    kept: dict[str, SourceContents] = {}
    for name, part in contents.items():
        runs: list[Run] = [
            # A history has one file of each state, and hundreds of thousands of rows.
            [foreign for foreign in run if not is_copy(foreign)]
            if run and not isinstance(run, Columns) and files[_state(run)] > 1
            else run
            for run in part.runs
        ]
        notes[name].leave_out(sum(map(len, part.runs)) - sum(map(len, runs)), _A_COPY)
        kept[name] = replace(part, runs=runs)
    return kept


def _state(run: list[ForeignRow]) -> Hashable:
    """Return of what and where a file's rows were measured, which is the same for all of them."""
    row = run[0].row
    return row.source, row.machine, row.environment, row.commit


def _identity(foreign: ForeignRow) -> Hashable:
    row = foreign.row
    return (
        row.source,
        row.machine,
        row.environment,
        row.commit,
        row.version,
        row.when,
        row.family,
        foreign.name,
        row.backend,
        row.size,
        tuple(foreign.others.values()),
        row.seconds,
        row.reason,
    )
