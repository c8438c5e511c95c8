"""Merge one run into a folder of results: rows are added, and none is lost.

A run grows at its end. Lines that the copy lacks are appended to it: be it an older state of the
run, a newer one, or one that was resumed elsewhere, afterwards it has the rows of both, each once.
Lines that are no rows are kept, and reported by their readers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from io import FileIO
from pathlib import Path

import msgspec
from msgspec.structs import replace as with_fields

from perceptron.errors import UserError
from perceptron.records.files.lock import open_locked
from perceptron.records.files.read import must_be_a_file
from perceptron.records.files.write import append_lines, cannot_write, cut_unfinished, replace
from perceptron.records.fleet import CollectedRun
from perceptron.records.run import Run
from perceptron.records.store import load_environment_file, load_plan

ROWS = "measurements.jsonl"
# Two runs of one machine that began in one second; more are no accident.
_MOST_NAMESAKES = 100


def merge_run(source: Path, machines: Path, machine: str) -> CollectedRun:
    """Merge a run into the folder of a machine under ``machines``; its rows bear that name then.

    Raises `UserError` naming a file that cannot be understood, a folder that cannot be written to,
    or a copy that another process writes to.
    """
    run = load_plan(source)  # before its rows: one that says that it is finished has all of them
    renamed = None if run.machine == machine else machine
    lines = _lines(source / ROWS, renamed)
    run = with_fields(run, machine=machine)
    try:
        folder = _folder(machines / machine, source.name, run, lines)
        _copy_facts(source, folder, run)
        with _opened(folder / ROWS) as stream:
            rows, added = _append(folder / ROWS, stream, lines)
            _keep_newer(folder / "run.json", run)
    except OSError as error:
        raise cannot_write(machines, error) from None
    return CollectedRun(folder=str(folder), machine=machine, rows=rows, added=added)


def _append(file: Path, stream: FileIO, lines: Sequence[bytes]) -> tuple[int, int]:
    """Append missing lines to a copy; return the number of its lines, and of the new ones."""
    cut_unfinished(stream)
    held = _split(file.read_bytes())
    new = _beyond(lines, held)
    if new:
        append_lines(stream, b"".join(new))
    return len(held) + len(new), len(new)


def _lines(file: Path, machine: str | None) -> list[bytes]:
    """Return the whole lines of a file, as rows of this machine; a torn last one is no line yet."""
    must_be_a_file(file)
    try:
        content = file.read_bytes()
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}") from None
    lines = _split(content)
    return lines if machine is None else [_renamed(line, machine) for line in lines]


def _split(content: bytes) -> list[bytes]:
    """Return the lines of a file that end with a line's end."""
    return content[: content.rfind(b"\n") + 1].splitlines(keepends=True)


def _renamed(line: bytes, machine: str) -> bytes:
    """Return a row as one of this machine; a line that is no row stays."""
    try:
        fields = msgspec.json.decode(line, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return line
    return msgspec.json.encode(fields | {"machine": machine}) + b"\n"


def _beyond(lines: Sequence[bytes], held: Sequence[bytes]) -> list[bytes]:
    """Return the lines that a copy does not hold, in their order."""
    if list(lines[: len(held)]) == list(held):
        return list(lines[len(held) :])
    left = Counter(held)
    new = []
    for line in lines:
        if left[line] > 0:
            left[line] -= 1
        else:
            new.append(line)
    return new


def _folder(machine: Path, name: str, run: Run, lines: Sequence[bytes]) -> Path:
    """Return the folder of the run's copy: the one that holds it already, or a new one."""
    for attempt in range(1, _MOST_NAMESAKES):
        folder = machine / (name if attempt == 1 else f"{name}-{attempt}")
        if not (folder / "run.json").exists():
            folder.mkdir(parents=True, exist_ok=True)
            return folder
        first = _first_line(folder / ROWS)
        if load_plan(folder).same_work(run) and _may_be_one(lines, first):
            return folder
    raise UserError(f"{machine / name}: {_MOST_NAMESAKES} other runs have this name: move some")


def _may_be_one(lines: Sequence[bytes], first: bytes) -> bool:
    """Return whether a run with these lines began as one whose first line is ``first``, if any.

    Its start does not count: a resumed run states the time of that.
    """
    return not lines or not first or lines[0] == first


def _first_line(file: Path) -> bytes:
    """Return the first line of a file; none if it has no end yet, or where there is no file."""
    if not file.exists():
        return b""
    must_be_a_file(file)
    with file.open("rb") as stream:
        line = stream.readline()
    return line if line.endswith(b"\n") else b""


def _copy_facts(source: Path, folder: Path, run: Run) -> None:
    """Copy the files that are written once: the environment, the conditions of each start."""
    environment = f"environment-{run.environment}.json"
    once = [(source.parent / environment, folder.parent / environment)]
    once += [(file, folder / file.name) for file in sorted(source.glob("conditions*.json"))]
    for file, copy in once:
        if not copy.exists():
            must_be_a_file(file)
            replace(copy, file.read_bytes())
    load_environment_file(folder.parent / environment)


def _opened(file: Path) -> FileIO:
    stream = open_locked(file)
    if stream is None:
        raise UserError(f"{file}: another process measures there now: collect again afterwards")
    return stream


def _keep_newer(file: Path, run: Run) -> None:
    """Keep the time that the run has spent and its end, unless the copy has more."""
    if file.exists():
        held = load_plan(file.parent)
        if _progress(held) >= _progress(run):
            return
    replace(file, run)


def _progress(run: Run) -> tuple[float, bool]:
    return run.spent_seconds or 0.0, run.finished is not None
