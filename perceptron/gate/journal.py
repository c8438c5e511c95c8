"""The folder of a comparison, from which an interrupted one resumes.

    <results>/gate/<id>/run.json      the identity of the comparison, its plan and progress
    <results>/gate/<id>/blocks.jsonl  one `Block` a line, each on disk before the next is measured

The id follows from what is compared; a finished comparison that is run again gets a folder of its
own, with a number after the id.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

import msgspec
from msgspec import Struct

from perceptron.errors import UserError
from perceptron.records.block import Block, Side
from perceptron.records.comparison import ComparisonPlan
from perceptron.records.files.lock import open_locked
from perceptron.records.files.read import read_written
from perceptron.records.files.write import append, cannot_write, cut_unfinished, replace

FORMAT = 1


class ComparisonRun(Struct, frozen=True, kw_only=True):
    """The plan of a comparison, and its progress."""

    format: int = FORMAT
    work: dict[str, str]
    """All inputs that identify a comparison, except the seed."""
    plan: ComparisonPlan
    start_seconds: float | None = None
    """Seconds that a process takes beside its benchmarks: to start, and to import."""
    own: list[Side] = []
    """Sides that have run code of their own tree."""
    code: dict[Side, str] = {}
    """The folder of the installed code that each side has run."""
    screened: bool = False
    """Whether the screen is over, and the confirmation is planned from it."""
    finished: bool = False

    @property
    def id(self) -> str:
        """The first 12 hexadecimal digits of the SHA-256 of the work."""
        return hashlib.sha256(msgspec.json.encode(self.work, order="sorted")).hexdigest()[:12]


class ComparisonJournal:
    """An open comparison: its blocks so far, and the file for the next ones."""

    def __init__(self, folder: Path, run: ComparisonRun, lines: FileIO) -> None:
        self.folder = folder
        self.run = run
        self._lines = lines
        self.blocks = list(_read_blocks(folder / "blocks.jsonl"))

    @property
    def elapsed_seconds(self) -> float:
        """Seconds until the last block, of all starts together."""
        return self.blocks[-1].elapsed_seconds if self.blocks else 0.0

    def append(self, block: Block) -> None:
        """Write the block and wait until it is on disk."""
        try:
            append(self._lines, block)
        except OSError as error:
            raise cannot_write(self.folder, error) from None
        self.blocks.append(block)

    def update_run(self, run: ComparisonRun) -> None:
        """Write the run's current state."""
        self.run = run
        try:
            replace(self.folder / "run.json", run)
        except OSError as error:
            raise cannot_write(self.folder, error) from None


@contextmanager
def open_journal(
    results: Path, run: ComparisonRun, seed_given: bool
) -> Iterator[ComparisonJournal]:
    """Open the unfinished comparison of the same work, or a new one.

    Raises `UserError` if the folder cannot be written to, or is in use.
    """
    try:
        folder, opened, lines = _open(results / "gate", run, seed_given)
    except OSError as error:
        raise cannot_write(results, error) from None
    with lines:
        yield ComparisonJournal(folder, opened, lines)


def _open(gate: Path, run: ComparisonRun, seed_given: bool) -> tuple[Path, ComparisonRun, FileIO]:
    for attempt in range(1, 10_000):
        folder = gate / (run.id if attempt == 1 else f"{run.id}-{attempt}")
        if folder.is_symlink():
            continue  # it leads to a folder that is not ours
        folder.mkdir(parents=True, exist_ok=True)
        lines = open_locked(folder / "blocks.jsonl")
        if lines is None:
            continue  # another process is measuring it right now
        recorded = _read_run(folder / "run.json")
        if recorded is None and not lines.seek(0, os.SEEK_END):
            replace(folder / "run.json", run)
            return folder, run, lines
        if recorded is not None and _resumes(recorded, run, seed_given):
            cut_unfinished(lines)
            return folder, recorded, lines
        lines.close()
    raise UserError(f"{gate}: ten thousand comparisons of the same; choose another --results")


def _resumes(recorded: ComparisonRun, run: ComparisonRun, seed_given: bool) -> bool:
    same_seed = not seed_given or recorded.plan.seed == run.plan.seed
    return not recorded.finished and recorded.work == run.work and same_seed


def _read_run(file: Path) -> ComparisonRun | None:
    """Return the run; None if there is no file, or another version wrote it."""
    try:
        run = read_written(file, ComparisonRun, "a comparison")
    except UserError:
        return None
    return run if run.format == FORMAT else None


def _read_blocks(file: Path) -> Iterator[Block]:
    decoder = msgspec.json.Decoder(Block)
    for number, line in enumerate(file.read_bytes().splitlines(), start=1):
        try:
            yield decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise UserError(
                f"{file}, line {number}: not a block: {error}; remove the folder to start again"
            ) from None
