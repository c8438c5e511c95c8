"""Read a file or folder of results of any kind, recognised by its content."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable
from pathlib import Path

import msgspec
from msgspec.structs import replace

from perceptron.errors import UserError
from perceptron.records.files.read import must_be_a_file
from perceptron.records.measurement import Measurement
from perceptron.records.readers.asv import ASV, is_asv_folder, result_files
from perceptron.records.readers.benchmark_dotnet import BENCHMARK_DOTNET
from perceptron.records.readers.columns import with_arrays
from perceptron.records.readers.criterion import CRITERION, is_of_criterion, newest_estimates
from perceptron.records.readers.csv_tables import read_csv
from perceptron.records.readers.github_action import GITHUB_ACTION
from perceptron.records.readers.google_benchmark import GOOGLE_BENCHMARK
from perceptron.records.readers.hyperfine import HYPERFINE
from perceptron.records.readers.json_text import MOST_BYTES, decode, is_json
from perceptron.records.readers.parameter_roles import ParameterRoles
from perceptron.records.readers.pytest_benchmark import PYTEST_BENCHMARK
from perceptron.records.readers.reading import ForeignRow, JsonFormat, Reading
from perceptron.records.row import Row, times, with_shared_texts, without_samples
from perceptron.records.store import ROWS, load_plan, parse_rows, run_folders

# The tools whose JSON is read.
FORMATS = (
    ASV,
    PYTEST_BENCHMARK,
    GITHUB_ACTION,
    GOOGLE_BENCHMARK,
    HYPERFINE,
    BENCHMARK_DOTNET,
    CRITERION,
)

_ENDINGS = (".json", ".jsonl", ".csv", ".tsv", ".js")
# Bytes of a file that decide its format. With smaller blocks, reading rows took a fifth longer.
_HEAD = 2**16


def read_source(source: Path, reading: Reading) -> None:
    """Read a file or folder into ``reading``; the content decides its format.

    Files of a folder that cannot be read are recorded and the others are read. Raises `UserError`
    for a source that does not exist or cannot be read, and for a folder without results.
    """
    try:
        if source.is_dir():
            _read_folder(source, reading)
        elif not source.exists():
            raise UserError(f"{source}: no such results; `perceptron bench` makes some")
        else:
            must_be_a_file(source)
            _read_once(source, reading)
    except OSError as error:
        name = error.filename or source
        raise UserError(f"{name}: cannot be read: {error.strerror}") from None
    except ValueError as error:  # a path that no file can have
        raise UserError(f"{str(source)!r}: cannot be read: {error}") from None


def _read_folder(folder: Path, reading: Reading) -> None:
    next(folder.iterdir(), None)  # raises OSError where it may not be listed
    if (folder / "runs").is_dir() or run_folders(folder, ROWS) or is_asv_folder(folder / "asv"):
        read_own_folder(folder, reading)
        reading.formats = reading.formats or {"perceptron"}  # there may be no rows yet
        return
    note_closed_folders(folder, reading)
    if is_asv_folder(folder):
        reading.formats.add("asv")
    for file in result_files(folder) if is_asv_folder(folder) else _result_like_files(folder):
        _try_file(file, reading)
    if reading.formats or reading.has_repeats:
        return
    unread = "".join(f" ({line})" for line in reading.unread[:1])
    raise UserError(
        f"{folder}: no results in it, of ours, asv or pytest-benchmark or another tool that is read"
        f"{unread}; name a file or folder of results"
    )


def read_own_folder(folder: Path, reading: Reading) -> None:
    """Read our runs in a folder, and the results of asv in its folder ``asv``."""
    note_closed_folders(folder, reading)
    for run in run_folders(folder, ROWS):
        _try_file(run / ROWS, reading)
    # Our own benchmarks have the usual parameters, whatever the user names for other sources.
    request = reading.request
    reading.request = replace(request, roles=ParameterRoles(), ours=True)
    for file in result_files(folder / "asv"):
        _try_file(file, reading)
    reading.request = request


def _try_file(file: Path, reading: Reading) -> None:
    """Read a file of a folder; record the reason if it cannot be read."""
    try:
        must_be_a_file(file)
        _read_once(file, reading)
    except UserError as error:
        reading.add_unread(file, error)
    except OSError as error:
        reading.add_unread(file, f"cannot be read: {error.strerror}")


def _read_once(file: Path, reading: Reading) -> None:
    """Read a file; warn and skip it if the same content was read already.

    A copy would double the number of processes, all with equal values. A copy of a file that was
    not understood is read, since its name may give its format.
    """
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "blake2b").digest()
    if digest in reading.seen and file.stat().st_size:
        reading.has_repeats = True
        fault = "read already, under this name or another"
        reading.report_error(file, fault, "it counts once; name each file once", "read-twice")
    elif _read_file(file, reading):
        reading.seen.add(digest)


def _read_file(file: Path, reading: Reading) -> bool:
    """Read a file; return whether it held results."""
    with io.BufferedReader(io.FileIO(file), _HEAD) as content:
        head = content.peek(_HEAD)
        is_document = file.suffix in (".json", ".js")
        if file.suffix == ".jsonl" or (not is_document and _is_row(head.partition(b"\n")[0])):
            rows = _own_rows(file, content, reading)
            chosen = [ForeignRow(row=row) for row in rows if reading.includes(row.family)]
            reading.add(file, "perceptron", chosen)
            return bool(rows)
        if is_document or is_json(head):
            document = decode(file, content.read(MOST_BYTES + 1))
            _format_of(file, document).read(file, document, reading)
        else:
            reading.add(file, "csv", read_csv(file, reading))
        return True


def _format_of(file: Path, document: object) -> JsonFormat:
    """Return the format of a document; raises `UserError` naming the file if there is none."""
    for format_ in FORMATS:
        if isinstance(document, dict) and format_.recognises(document):
            return format_
    names = ", ".join(format_.name for format_ in FORMATS)
    raise UserError(f"{file}: JSON, but of none of {names}")


def _own_rows(file: Path, lines: Iterable[bytes], reading: Reading) -> list[Measurement]:
    errors: list[str] = []
    session = _session(file)
    parsed = parse_rows(file, lines, errors.append)
    decoded: Iterable[Row] = (with_shared_texts(row, session) for row in parsed)
    if reading.request.samples == "arrays":
        decoded = map(with_arrays, decoded)
    elif reading.request.samples == "number":
        decoded = map(without_samples, decoded)
    every = list(decoded)
    rows = times(every)
    if len(rows) < len(every):
        reading.with_races.add(file)
    if errors:
        more = f" (and {len(errors) - 1} more in this file)" if errors[1:] else ""
        fault = errors[0].removeprefix(f"{file}, ") + more
        reading.report_error(file, fault, "delete that line; the others are read")
    return rows


def _session(file: Path) -> str | None:
    """Return the start of the run that a file of rows belongs to; None without its plan."""
    try:
        return load_plan(file.parent).started if file.name == ROWS else None
    except UserError:
        return None


def _is_row(line: bytes) -> bool:
    try:
        msgspec.json.decode(line, type=Row)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def note_closed_folders(folder: Path, reading: Reading, depth: int = 3) -> None:
    """Record the folders that cannot be listed, down to ``depth`` levels.

    `Path.glob` skips them silently.
    """
    try:
        entries = sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        reading.add_unread(folder, f"cannot be read: {error.strerror}")
        return
    for entry in entries if depth else ():
        if entry.is_dir():
            note_closed_folders(entry, reading, depth - 1)


def _result_like_files(folder: Path) -> list[Path]:
    """Return the files in a folder and its subfolders whose names may be those of results."""
    near = sorted(folder.glob("*")) + sorted(folder.glob("*/*"))
    files = [file for file in near if file.suffix in _ENDINGS and not is_of_criterion(file)]
    return [*files, *newest_estimates(folder)]
