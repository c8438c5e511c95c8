"""Bring the runs of many machines together in one folder of results.

The same rules hold for a job's own folder and for a folder that was copied here: each machine gets
its name from its facts, and merging again changes nothing. Clocks of two hosts are never compared.

A run grows at its end: rows that its copy lacks are appended. If both have rows that the other
lacks, both are left as they are. Lines that are not rows are copied; their readers report them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import msgspec
from filelock import FileLock
from msgspec.structs import replace as with_fields

from perceptron.errors import UserError
from perceptron.questions.fleet.jobs import FLEETS
from perceptron.records.environment import DIGEST_DIGITS, Facts, facts_of
from perceptron.records.files.lock import open_locked
from perceptron.records.files.read import must_be_a_file
from perceptron.records.files.write import append_lines, cannot_write, cut_unfinished, replace
from perceptron.records.fleet import Collected, CollectedRun
from perceptron.records.readers.any_source import note_closed_folders
from perceptron.records.readers.reading import Reading, ReadRequest
from perceptron.records.run import Run
from perceptron.records.store import (
    ROWS,
    load_environment,
    load_environment_file,
    load_plan,
    run_folders,
)
from perceptron.untrusted_text import label

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", re.ASCII)
# A name has 64 characters at most, and a job's number may follow.
_MACHINE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,98}", re.ASCII)


def collect(results: Path, sources: Iterable[Path]) -> Collected:
    """Merge the runs in these folders; return their new folders, and errors for the others.

    No link is followed: it may lead to any file of this machine, and collected files are shown.
    Processes that collect into one folder take turns. Raises `UserError` if it is not writable.
    """
    lock = results / FLEETS / "collect.lock"
    runs, errors = [], []
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(lock):
            for source in sources:
                reading = Reading(ReadRequest(), str(source))
                note_closed_folders(source, reading)
                errors += reading.unread
                for folder in run_folders(source):
                    try:
                        _must_hold_no_link(source, folder)
                        runs.append(_merged(folder, results / "runs"))
                    except UserError as error:
                        errors.append(label(error))
    except OSError as error:
        raise cannot_write(results, error) from None
    return Collected(runs=runs, errors=sorted(set(errors)))


def _must_hold_no_link(source: Path, folder: Path) -> None:
    """Raise `UserError` naming a link in a run, beside it, or on the way to it from the source."""
    way = [folder, *folder.parents][: len(folder.relative_to(source).parts)]
    try:
        files = [*folder.iterdir(), *folder.parent.glob("environment-*.json")]
    except OSError as error:
        raise UserError(f"{folder}: cannot be read: {error.strerror}") from None
    for path in (*way, *files):
        if path.is_symlink():
            raise UserError(f"{path}: a link, and none is followed: copy what it leads to")


# --- the name of a machine -----------------------------------------------------------------------

_LONGEST = 64


def _name_by_facts(runs: Path, claimed: str, facts: Facts) -> str:
    """Return the name of a machine in the folder of all runs.

    The claimed name is kept if it is unused, or used by a machine with the same facts.
    """
    is_free = not any((runs / claimed).glob("*/run.json"))
    if is_free or any(facts.is_same(machine) for machine in _facts_in(runs / claimed)):
        return claimed
    stem = claimed[: _LONGEST - 1 - DIGEST_DIGITS]
    for folder in sorted(runs.glob(f"{stem}-{'[0-9a-f]' * DIGEST_DIGITS}")):
        if any(facts.is_same(machine) for machine in _facts_in(folder)):
            return folder.name
    return f"{stem}-{facts.digest}"


def _facts_in(folder: Path) -> list[Facts]:
    """Return the facts of the machines with a name; skip files that cannot be read."""
    machines = []
    for file in sorted(folder.glob("environment-*.json")):
        try:
            machines.append(facts_of(load_environment_file(file)))
        except UserError:
            continue
    return machines


# --- one run -------------------------------------------------------------------------------------


def _merged(source: Path, machines: Path) -> CollectedRun:
    """Merge a run into its machine's folder under ``machines``, and name that in its rows.

    Raises `UserError` naming a file that cannot be understood, a folder that cannot be written to,
    a copy that another process writes to, or one that is no older or newer state of this run.
    """
    run = load_plan(source)  # before its rows: one that says that it is finished has all of them
    if not _MACHINE.fullmatch(run.machine) or not _NAME.fullmatch(source.name):
        raise UserError(f"{source / 'run.json'}: its machine is no name for a folder")
    machine = _name_by_facts(machines, run.machine, facts_of(load_environment(source)))
    rows = _rows(source / ROWS, None if run.machine == machine else machine)
    folder = machines / machine / source.name
    if folder.is_symlink():
        raise UserError(f"{folder}: a link, and nothing is written through one: move it away")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        stream = open_locked(folder / ROWS)
        if stream is None:
            raise UserError(
                f"{folder / ROWS}: another process measures there now: collect again afterwards"
            )
        with stream:
            cut_unfinished(stream)
            held = (folder / ROWS).read_bytes()
            if not (rows.startswith(held) or held.startswith(rows)):
                raise UserError(f"{folder / ROWS}: has other rows than {source}: move one of them")
            _copy_facts(source, folder, run)
            new = rows[len(held) :]
            if new:
                append_lines(stream, new)
            # An older state must not replace the time spent and the end of a newer one.
            copy = folder / "run.json"
            if new or not copy.exists() or _progress(load_plan(folder)) < _progress(run):
                replace(copy, with_fields(run, machine=machine))
    except OSError as error:
        raise cannot_write(machines, error) from None
    added = new.count(b"\n")
    return CollectedRun(
        folder=str(folder), machine=machine, rows=held.count(b"\n") + added, added=added
    )


def _progress(run: Run) -> tuple[float, bool]:
    return run.spent_seconds or 0.0, run.finished is not None


def _rows(file: Path, machine: str | None) -> bytes:
    """Return the complete lines of a file, as rows of this machine if one is given."""
    must_be_a_file(file)
    try:
        content = file.read_bytes()
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}") from None
    whole = content[: content.rfind(b"\n") + 1]
    if machine is None:
        return whole
    return b"".join(_renamed(line, machine) for line in whole.splitlines(keepends=True))


def _renamed(line: bytes, machine: str) -> bytes:
    """Return the row with the name of this machine; a line that is not a row stays."""
    try:
        fields = msgspec.json.decode(line, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return line
    return msgspec.json.encode(fields | {"machine": machine}) + b"\n"


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
