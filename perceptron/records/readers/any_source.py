"""Read a file or folder of results of any kind, recognised by its content.

A folder may be one of results, or a whole project in which they lie where their tool puts them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from perceptron.config_file import read_asv_json
from perceptron.errors import UserError
from perceptron.records.files.read import must_be_a_file
from perceptron.records.readers.asv import is_asv_folder, is_asv_results, read_asv
from perceptron.records.readers.benchmark_dotnet import BENCHMARK_DOTNET
from perceptron.records.readers.criterion import CRITERION
from perceptron.records.readers.csv_tables import read_csv
from perceptron.records.readers.github_action import GITHUB_ACTION
from perceptron.records.readers.google_benchmark import GOOGLE_BENCHMARK
from perceptron.records.readers.hyperfine import HYPERFINE
from perceptron.records.readers.packed import (
    ENDINGS,
    decode_lenient,
    open_unpacked,
    read_json_bytes,
)
from perceptron.records.readers.parameter_roles import ParameterRoles
from perceptron.records.readers.pytest_benchmark import PYTEST_BENCHMARK
from perceptron.records.readers.reading import NOT_ASKED_FOR, ForeignRow, JsonFormat, Reading, Run
from perceptron.records.row import Row, times
from perceptron.records.store import parse_rows

# The tools whose JSON is read, a line each, beside asv, which keeps folders.
FORMATS = (
    PYTEST_BENCHMARK,
    GITHUB_ACTION,
    GOOGLE_BENCHMARK,
    HYPERFINE,
    BENCHMARK_DOTNET,
    CRITERION,
)

ROWS = "measurements.jsonl"
# A run's folder, a machine's, that of all runs, and the results folder around it.
_OWN = (ROWS, f"*/{ROWS}", f"*/*/{ROWS}", f"runs/*/*/{ROWS}")
# Where tools put their results in a project by default: ours, asv's, pytest-benchmark's,
# github-action-benchmark's, BenchmarkDotNet's and criterion's.
_USUAL = (
    *("results", ".asv/results", "benchmarks/.asv/results", ".benchmarks", "dev/bench"),
    *("BenchmarkDotNet.Artifacts/results", "target/criterion"),
)
# criterion keeps a folder for each benchmark, named by its group, function and value, and in it the
# newest estimates in "new"; beside them lie what is no result, and older ones in other folders.
_CRITERION = (".", "new", "*/new", "*/*/new", "*/*/*/new")
_CRITERION_FILES = ("estimates.json", "benchmark.json", "sample.json", "tukey.json", "raw.csv")
_CONFIGURATIONS = ("asv.conf.json", "*/asv.conf.json")
_ENDINGS = (".json", ".jsonl", ".csv", ".tsv", ".js")
# json5 takes seconds for these; asv's own template has a tenth.
_MOST_CONFIGURATION_BYTES = 2**16
# A page's data file: a script of one assignment, of which nothing is executed. No part can match
# what the next one matches: a file of spaces would take for ever.
_ASSIGNMENT = re.compile(rb"(?:window\s*\.\s*|(?:var|const|let)\s+)?\w+\s*=\s*(?=[{\[])")
# So much of a file says what it is.
_HEAD = 2**16


def read_source(source: Path, reading: Reading) -> None:
    """Read a source, whose kind its content says.

    Of a folder, files that cannot be read are in ``reading`` and the others are read. Raises
    `UserError` naming the file for a source that does not exist or cannot be read, and for a folder
    without results.
    """
    try:
        if source.is_dir():
            return _read_folder(source, reading)
        if source.exists():
            return _read_file(source, reading) if reading.is_new(source) else None
    except OSError as error:
        name = error.filename or source
        raise UserError(f"{name}: cannot be read: {error.strerror}") from None
    except ValueError as error:  # a path that no file can have
        raise UserError(f"{str(source)!r}: cannot be read: {error}") from None
    raise UserError(f"{source}: no such results; `perceptron bench` makes some")


def _read_folder(folder: Path, reading: Reading) -> None:
    next(folder.iterdir(), None)  # raises OSError where it may not be listed
    place = next((place for place in (folder, *places(folder)) if _is_read(place, reading)), None)
    for closed, why in closed_folders(place or folder):
        reading.not_read(closed, why)
    if place:
        return
    for project in projects(folder):
        reading.not_read(project, "results of its own, deeper than is looked for: name it as well")
    for file in result_like_files(folder):
        _try_file(file, reading)
    if reading.formats or reading.has_repeats:
        return
    why = "".join(f" ({unread.file}: {unread.reason})" for unread in reading.unread[:1])
    raise UserError(
        f"{folder}: no results in it, of ours, asv or pytest-benchmark or another tool that is read"
        f"{why}; name a file or folder of results"
    )


def _is_read(place: Path, reading: Reading) -> bool:
    """Read what is kept in a folder in our way or asv's; return whether it is such a folder."""
    asv = place / "asv"
    if has_own_rows(place) or is_asv_folder(asv):
        for file in own_files(place):
            _try_file(file, reading)
        if is_asv_folder(asv):
            # These are this suite's own benchmarks, whatever the other sources call their
            # parameters.
            ours = msgspec.structs.replace(reading.request, roles=ParameterRoles(), ours=True)
            read_asv(asv, ours, reading)
        else:
            reading.formats.add("perceptron")
        return True
    if is_asv_folder(place):
        read_asv(place, reading.request, reading)
        reading.has_parameters = True
        return True
    return False


def _try_file(file: Path, reading: Reading) -> None:
    """Read a file of a folder; note why it is not read where it cannot be."""
    try:
        must_be_a_file(file)
        if reading.is_new(file):
            _read_file(file, reading)
    except UserError as error:
        reading.not_read(file, error)
    except OSError as error:
        reading.not_read(file, f"cannot be read: {error.strerror}")


def _read_file(file: Path, reading: Reading) -> None:
    with open_unpacked(file) as content:
        head = content.peek(_HEAD)
        if ".jsonl" in file.suffixes or _is_row(head.partition(b"\n")[0]):
            reading.add("perceptron", _own_rows(file, content, reading))
        elif _is_json(head) or not {".json", ".js"}.isdisjoint(file.suffixes):
            _read_json(file, read_json_bytes(file, content), reading)
        else:
            reading.add("csv", read_csv(file, content, reading))


def _read_json(file: Path, content: bytes, reading: Reading) -> None:
    document = decode(file, content)
    if is_asv_results(document):
        read_asv(file, reading.request, reading)
    else:
        _format_of(file, document).read(file, document, reading)
    reading.has_parameters = True


def decode(file: Path, content: bytes) -> object:
    """Return the JSON of a file, or of the assignment in a script; raises `UserError`."""
    content = content.removeprefix(b"\xef\xbb\xbf").lstrip()
    if assignment := _ASSIGNMENT.match(content):
        content = content[assignment.end() :].rstrip(b"; \t\r\n")
    try:
        try:
            return msgspec.json.decode(content)
        except (msgspec.DecodeError, UnicodeDecodeError):
            # NaN and Infinity, which several tools write and only Python's own decoder accepts
            return decode_lenient(content)
    except RecursionError:
        raise UserError(f"{file}: nested too deeply to be results") from None
    except ValueError as error:
        raise UserError(f"{file}: not JSON, or cut short: {error}") from None


def _format_of(file: Path, document: object) -> JsonFormat:
    """Return the format of a document; raises `UserError` naming a file that is of none."""
    for known in FORMATS:
        if isinstance(document, dict) and known.recognises(document):
            return known
    names = ", ".join(["asv", *(known.name for known in FORMATS)])
    raise UserError(f"{file}: JSON, but of none of {names}")


def _is_json(head: bytes) -> bool:
    """Whether a file that begins so holds JSON, or a script of one assignment."""
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return start.startswith((b"{", b"[")) or _ASSIGNMENT.match(start) is not None


def _own_rows(file: Path, lines: Iterable[bytes], reading: Reading) -> Run:
    def complain(what: str) -> None:
        reading.complain(
            file, what.removeprefix(f"{file}, "), "delete that line; the others are read"
        )

    request = reading.request
    rows = times(parse_rows(file, lines, complain))
    families = {row.family for row in rows}
    reading.families |= families
    if not all(map(request.wants, families)):
        wanted = [row for row in rows if request.wants(row.family)]
        reading.leave_out(len(rows) - len(wanted), NOT_ASKED_FOR)
        rows = wanted
    return [ForeignRow(row=row, own=True) for row in rows]


def _is_row(line: bytes) -> bool:
    try:
        msgspec.json.decode(line, type=Row)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def own_files(folder: Path) -> list[Path]:
    """Return the files of our own rows in a folder of one or several runs."""
    return [file for pattern in _OWN for file in sorted(folder.glob(pattern))]


def has_own_rows(folder: Path) -> bool:
    """Whether our runs are kept here; there may be none yet."""
    return (folder / "runs").is_dir() or bool(own_files(folder))


def places(project: Path) -> Iterator[Path]:
    """Yield the folders of a project in which results are kept: as asv is told, then as usual."""
    seen = set()
    for place in (*_configured(project), *(project / name for name in _USUAL)):
        if place.is_dir() and place not in seen:
            seen.add(place)
            yield place


def projects(folder: Path) -> Iterator[Path]:
    """Yield the folders in a folder that are projects with results of asv's or ours in a place."""
    for project in sorted(path for path in folder.iterdir() if path.is_dir()):
        kept = (place for place in places(project) if place != project)
        if any(is_asv_folder(place) or has_own_rows(place) for place in kept):
            yield project


def _configured(project: Path) -> Iterator[Path]:
    """Yield where asv's configuration puts results, as long as that is inside the project."""
    for pattern in _CONFIGURATIONS:
        for file in sorted(project.glob(pattern)):
            name = _results_dir(file)
            place = (file.parent / name).resolve() if name else None
            if place is not None and place.is_relative_to(project.resolve()):
                yield project / place.relative_to(project.resolve())


def _results_dir(file: Path) -> str | None:
    try:
        if not file.is_file() or file.stat().st_size > _MOST_CONFIGURATION_BYTES:
            return None
        content = read_asv_json(file)
    except (OSError, UserError):
        return None
    name = content.get("results_dir") if isinstance(content, dict) else None
    return name if isinstance(name, str) and "\0" not in name else None


def closed_folders(place: Path, depth: int = 2) -> Iterator[tuple[Path, str]]:
    """Yield the folders in a place, so many levels down, that cannot be listed, and why.

    Searching by pattern passes over them in silence.
    """
    for folder in sorted(entry for entry in place.iterdir() if entry.is_dir()):
        try:
            next(folder.iterdir(), None)
            if depth > 1:
                yield from closed_folders(folder, depth - 1)
        except OSError as error:
            yield folder, f"cannot be read: {error.strerror}"


def result_like_files(folder: Path) -> list[Path]:
    """Return the files in a folder and in its folders that may hold results, by their names.

    Of a project, those in the places where tools put them are among these.
    """
    files: dict[Path, None] = {}
    for place in (folder, *places(folder)):
        for depth in ("*", "*/*"):
            files |= dict.fromkeys(file for file in sorted(place.glob(depth)) if _is_like(file))
        for depth in _CRITERION:
            files |= dict.fromkeys(sorted(place.glob(f"{depth}/estimates.json")))
    return list(files)


def _is_like(file: Path) -> bool:
    """Whether its name is that of results; of criterion's files the folder tells it."""
    if file.name in _CRITERION_FILES and file.with_name(_CRITERION_FILES[0]).is_file():
        return False
    return any(file.name.endswith(f"{ending}{packed}") for ending in _ENDINGS for packed in ENDINGS)
