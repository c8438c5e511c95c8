"""Where the proof's runs are kept, so that it resumes where it stopped.

<results>/proof/<machine>/runs.jsonl             one `ProofRun` a line
<results>/proof/<machine>/environment-<id>.json  what runs with this id ran on
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

import msgspec

from benchmarks.validation.gate.record import ProofRun
from perceptron.errors import UserError
from perceptron.records.comparison import ComparisonEnvironment
from perceptron.records.files.append import append, cannot_write, cut_unfinished
from perceptron.records.files.lock import open_locked
from perceptron.records.files.replace import replace


def machine_folder(results: Path, machine: str) -> Path:
    """Return where the runs of this machine are."""
    return results / "proof" / machine


def read_runs(folder: Path) -> list[ProofRun]:
    """Return the runs so far, without a last line that was cut short.

    Raises `UserError` with the file and the line for what is no run.
    """
    file = folder / "runs.jsonl"
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}; choose another") from None
    decoder = msgspec.json.Decoder(ProofRun)
    runs = []
    for number, line in enumerate(content[: content.rfind(b"\n") + 1].splitlines(), start=1):
        try:
            runs.append(decoder.decode(line))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise UserError(
                f"{file}, line {number}: no run of a proof: {error}; remove the line"
            ) from None
    return runs


def read_environment(folder: Path, name: str) -> ComparisonEnvironment:
    """Return what the runs of this id ran on; raises `UserError` if that cannot be read."""
    file = folder / f"environment-{name}.json"
    try:
        return msgspec.json.decode(file.read_bytes(), type=ComparisonEnvironment)
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}; its runs name it") from None
    except msgspec.DecodeError as error:
        raise UserError(f"{file}: no environment: {error}; fetch it again") from None


def keep_environment(folder: Path, environment: ComparisonEnvironment) -> str:
    """Write it unless it is there, and return its id."""
    content = msgspec.json.format(msgspec.json.encode(environment, order="sorted"), indent=2)
    name = hashlib.sha256(content).hexdigest()[:12]
    file = folder / f"environment-{name}.json"
    if not file.exists():
        replace(file, environment)
    return name


class ProofJournal:
    """An open proof: its runs so far, and where the next goes."""

    def __init__(self, folder: Path, lines: FileIO) -> None:
        self.folder = folder
        self.runs = read_runs(folder)
        self._lines = lines

    def append(self, run: ProofRun) -> None:
        """Write the run and wait until the disk has it."""
        try:
            append(self._lines, run)
        except OSError as error:
            raise cannot_write(self.folder, error) from None
        self.runs.append(run)


@contextmanager
def open_proof(folder: Path) -> Iterator[ProofJournal]:
    """Open the folder; raises `UserError` if it cannot be written to, or another proof uses it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lines = open_locked(folder / "runs.jsonl")
    except OSError as error:
        raise cannot_write(folder, error) from None
    if lines is None:
        raise UserError(f"{folder}: another proof is running; two would disturb each other")
    with lines:
        cut_unfinished(lines)
        yield ProofJournal(folder, lines)
