"""Read a file or folder of results of any kind, recognised by its content."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import msgspec

from perceptron.errors import UserError
from perceptron.records.measurement import Measurement
from perceptron.records.readers.asv_files import is_asv_folder, is_asv_results
from perceptron.records.readers.asv_results import read_asv
from perceptron.records.readers.csv_results import read_csv
from perceptron.records.readers.foreign_rows import ForeignRow, SourceContents
from perceptron.records.readers.parameter_roles import ParameterRoles
from perceptron.records.readers.pytest_results import read_pytest
from perceptron.records.store import read_rows

_ROWS = "measurements.jsonl"
# A run's folder, a machine's, that of all runs, and the results folder around it.
_OWN = (_ROWS, f"*/{_ROWS}", f"*/*/{_ROWS}", f"runs/*/*/{_ROWS}")


def read_source(
    source: Path, roles: ParameterRoles, complain: Callable[[str], None]
) -> SourceContents:
    """Read a source, whose kind its content says.

    ``complain`` receives a line for each damaged row of our own. Raises `UserError` naming the
    file, and for a source that does not exist.
    """
    try:
        if source.is_dir():
            return _read_folder(source, roles, complain)
        if source.exists():
            return _read_file(source, source.read_bytes(), roles, complain)
    except OSError as error:
        raise UserError(f"{source}: cannot be read: {error.strerror}") from None
    except ValueError as error:  # a path that no file can have
        raise UserError(f"{str(source)!r}: cannot be read: {error}") from None
    raise UserError(f"{source}: no such results; `perceptron bench` makes some")


def _read_folder(
    folder: Path, roles: ParameterRoles, complain: Callable[[str], None]
) -> SourceContents:
    own = [file for pattern in _OWN for file in sorted(folder.glob(pattern))]
    asv = folder / "asv"
    if own or (folder / "runs").is_dir() or is_asv_folder(asv):
        runs = [_read_own(file, complain) for file in own]
        # These are this suite's own benchmarks, whatever the other sources call their parameters.
        of_asv = read_asv(asv, ParameterRoles()).runs if is_asv_folder(asv) else []
        return SourceContents(runs=runs + of_asv)
    if is_asv_folder(folder):
        return read_asv(folder, roles)
    contents = []
    for file in sorted(file for depth in ("*", "*/*") for file in folder.glob(f"{depth}.json")):
        content = file.read_bytes()
        if _is_foreign_json(content):
            contents.append(_read_file(file, content, roles, complain))
    if not contents:
        raise UserError(
            f"{folder}: no results in it, of ours, asv or pytest-benchmark; name a file or folder "
            "of results"
        )
    return SourceContents(
        runs=[run for part in contents for run in part.runs],
        selected=True,
        unused=frozenset().union(*(part.unused for part in contents)),
    )


def _read_file(
    file: Path, content: bytes, roles: ParameterRoles, complain: Callable[[str], None]
) -> SourceContents:
    if file.suffix == ".jsonl" or _is_row(content.partition(b"\n")[0]):
        return SourceContents(runs=[_read_own(file, complain)])
    if file.suffix != ".json" and not content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return read_csv(file, content)
    if is_asv_results(_json(content)):
        return read_asv(file, roles)
    return read_pytest(file, content, roles)


def _read_own(file: Path, complain: Callable[[str], None]) -> list[ForeignRow]:
    return [ForeignRow(row=row, own=True) for row in read_rows(file, complain)]


def _is_row(line: bytes) -> bool:
    try:
        msgspec.json.decode(line, type=Measurement)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _is_foreign_json(content: bytes) -> bool:
    document = _json(content)
    is_pytest = isinstance(document, dict) and {"benchmarks", "machine_info"} <= set(document)
    return is_pytest or is_asv_results(document)


def _json(content: bytes) -> object:
    """Decode JSON; return None for what is none, which its reader will complain about."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None
