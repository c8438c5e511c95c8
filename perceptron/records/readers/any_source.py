"""Read a file or folder of results of any kind, recognised by its content."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from perceptron.errors import UserError
from perceptron.records.files.regular import must_be_a_file
from perceptron.records.measurement import Measurement
from perceptron.records.readers.asv.files import is_asv_folder, is_asv_results
from perceptron.records.readers.asv.results import read_asv
from perceptron.records.readers.csv_tables.results import read_csv
from perceptron.records.readers.json_formats import decode, format_of
from perceptron.records.readers.packed import open_unpacked, read_json_bytes
from perceptron.records.readers.places import (
    closed_folders,
    has_own_rows,
    own_files,
    places,
    projects,
    result_like_files,
)
from perceptron.records.readers.shared.foreign_rows import ForeignRow, Run, SourceContents
from perceptron.records.readers.shared.parameter_roles import ParameterRoles
from perceptron.records.readers.shared.reading import NOT_ASKED_FOR, ReadingNotes, ReadRequest
from perceptron.records.store import parse_rows

# So much of a file says what it is.
_HEAD = 2**16


def read_source(source: Path, request: ReadRequest, notes: ReadingNotes) -> SourceContents:
    """Read a source, whose kind its content says.

    Of a folder, files that cannot be read are in ``notes`` and the others are read. Raises
    `UserError` naming the file for a source that does not exist or cannot be read, and for a folder
    without results.
    """
    try:
        if source.is_dir():
            return _read_folder(source, request, notes)
        if source.exists():
            is_new = notes.is_new(source)
            return _read_file(source, request, notes) if is_new else SourceContents(runs=[])
    except OSError as error:
        name = error.filename or source
        raise UserError(f"{name}: cannot be read: {error.strerror}") from None
    except ValueError as error:  # a path that no file can have
        raise UserError(f"{str(source)!r}: cannot be read: {error}") from None
    raise UserError(f"{source}: no such results; `perceptron bench` makes some")


def _read_folder(folder: Path, request: ReadRequest, notes: ReadingNotes) -> SourceContents:
    next(folder.iterdir(), None)  # raises OSError where it may not be listed
    for place in (folder, *places(folder)):
        contents = _read_place(place, request, notes)
        if contents is not None:
            _note_closed_folders(place, notes)
            return contents
    _note_closed_folders(folder, notes)
    for project in projects(folder):
        notes.not_read(project, "results of its own, deeper than is looked for: name it as well")
    contents = _joined(_try_file(file, request, notes) for file in result_like_files(folder))
    if contents.formats or notes.has_repeats:
        return contents
    why = "".join(f" ({unread.file}: {unread.reason})" for unread in notes.unread[:1])
    raise UserError(
        f"{folder}: no results in it, of ours, asv or pytest-benchmark or another tool that is read"
        f"{why}; name a file or folder of results"
    )


def _note_closed_folders(place: Path, notes: ReadingNotes) -> None:
    for closed, why in closed_folders(place):
        notes.not_read(closed, why)


def _read_place(place: Path, request: ReadRequest, notes: ReadingNotes) -> SourceContents | None:
    """Return what is kept in a folder in our way or asv's; None where it is no such folder."""
    asv = place / "asv"
    if has_own_rows(place) or is_asv_folder(asv):
        own = (_try_file(file, request, notes) for file in own_files(place))
        if not is_asv_folder(asv):
            return _joined([SourceContents(runs=[], formats=frozenset({"perceptron"})), *own])
        # These are this suite's own benchmarks, whatever the other sources call their parameters.
        ours = msgspec.structs.replace(request, roles=ParameterRoles(), ours=True)
        of_asv = read_asv(asv, ours, notes)
        return _joined([*own, msgspec.structs.replace(of_asv, has_parameters=False)])
    return read_asv(place, request, notes) if is_asv_folder(place) else None


def _try_file(file: Path, request: ReadRequest, notes: ReadingNotes) -> SourceContents:
    """Read a file of a folder; note why it is not read where it cannot be."""
    try:
        must_be_a_file(file)
        if notes.is_new(file):
            return _read_file(file, request, notes)
    except UserError as error:
        notes.not_read(file, error)
    except OSError as error:
        notes.not_read(file, f"cannot be read: {error.strerror}")
    return SourceContents(runs=[])


def _joined(parts: Iterable[SourceContents]) -> SourceContents:
    parts = list(parts)
    return SourceContents(
        runs=[run for part in parts for run in part.runs],
        formats=frozenset().union(*(part.formats for part in parts)),
        has_parameters=any(part.has_parameters for part in parts),
    )


def _read_file(file: Path, request: ReadRequest, notes: ReadingNotes) -> SourceContents:
    with open_unpacked(file) as content:
        head = content.peek(_HEAD)
        if ".jsonl" in file.suffixes or _is_row(head.partition(b"\n")[0]):
            run = _own_rows(file, content, request, notes)
            return SourceContents(runs=[run], formats=frozenset({"perceptron"}))
        start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
        if start.startswith((b"{", b"[", b"window.")) or ".json" in file.suffixes:
            return _read_json(file, read_json_bytes(file, content), request, notes)
        run = read_csv(file, content, request, notes)
    notes.files += 1
    return SourceContents(runs=[run], formats=frozenset({"csv"}))


def _read_json(
    file: Path, content: bytes, request: ReadRequest, notes: ReadingNotes
) -> SourceContents:
    document = decode(file, content)
    if is_asv_results(document):
        return read_asv(file, request, notes)
    kind = format_of(file, document)
    runs = kind.read(file, document, request, notes)
    notes.files += 1
    return SourceContents(runs=runs, formats=frozenset({kind.name}), has_parameters=True)


def _own_rows(file: Path, lines: Iterable[bytes], request: ReadRequest, notes: ReadingNotes) -> Run:
    def complain(what: str) -> None:
        notes.complain(
            file, what.removeprefix(f"{file}, "), "delete that line; the others are read"
        )

    rows = list(parse_rows(file, lines, complain))
    if request.packer is not None and not request.families:
        columns = request.packer.pack(rows)
        if columns.are_ours:
            notes.families.update(columns["family"])
            notes.files += 1
            return columns
    families = {row.family for row in rows}
    notes.families |= families
    if not all(map(request.wants, families)):
        wanted = [row for row in rows if request.wants(row.family)]
        notes.leave_out(len(rows) - len(wanted), NOT_ASKED_FOR)
        rows = wanted
    notes.files += 1
    return [ForeignRow(row=row, own=True) for row in rows]


def _is_row(line: bytes) -> bool:
    try:
        msgspec.json.decode(line, type=Measurement)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True
