"""A day with a GPU: its plan, the outcome of its stages, and the archive of its results."""

from __future__ import annotations

import gzip
import io
import re
import tarfile
from contextlib import suppress
from pathlib import Path
from typing import Literal

from msgspec import Struct

from perceptron.errors import UserError
from perceptron.records.files.read import read_written
from perceptron.records.files.write import cannot_write, replace

STATE = "gpu-day.json"
ARCHIVE = "gpu-day.tar.gz"
LOGS = "log"
# What an archive may hold, unpacked: rows are text, which packs to a tenth.
_MOST_UNPACKED_BYTES = 2**30
_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}"
_MEMBER = re.compile(rf"{STATE}|{LOGS}/{_NAME}|runs/{_NAME}/{_NAME}(/{_NAME})?", re.ASCII)
_ROWS = "measurements.jsonl"


class Stage(Struct, frozen=True):
    """One question of the day, the seconds that it may take, and its commands."""

    name: str
    tells: str
    seconds: float
    commands: str
    """The command as typed after ``perceptron`` or Python; variables in braces."""
    number: int = 0
    """Its place in the day."""


class StageOutcome(Struct, frozen=True, kw_only=True):
    """The outcome of a stage; ``reason`` is one line, None where it did all of its work.

    ``left out`` could not run here; ``next call`` did not fit into the time left of this one.
    """

    number: int
    name: str
    outcome: Literal["ok", "failed", "timed out", "left out", "next call"]
    seconds: float = 0.0
    rows: int = 0
    """Measured by it."""
    reason: str | None = None

    @property
    def is_bad_news(self) -> bool:
        return self.outcome in ("failed", "timed out")


class DayState(Struct, frozen=True, kw_only=True):
    """The state kept beside the results, for the next call."""

    rehearsal: bool
    stages: list[StageOutcome] = []
    """The newest outcome of each stage that has run."""
    xla_flags: str | None = None
    """The flags with which XLA keeps a loop on the GPU, once they have been tried."""


class Packed(Struct, frozen=True, kw_only=True):
    """The archive of the results."""

    archive: str
    files: int
    bytes: int


class DayResult(Struct, frozen=True, kw_only=True):
    """One call: its stages, and the archive of their results."""

    machine: str
    results: str
    rehearsal: bool
    stages: list[StageOutcome]
    packed: Packed


def open_day(results: Path, rehearse: bool, archive: Path | None = None) -> DayState:
    """Return the state of earlier calls in a folder of results, which is made if missing.

    Where the folder has none, what is in the ``archive`` is unpacked into it first. Raises
    `UserError` if it cannot be written to, or if it holds a rehearsal and this is none, or the
    other way round.
    """
    file = results / STATE
    try:
        (results / LOGS).mkdir(parents=True, exist_ok=True)
        if archive is not None and archive.exists() and not file.exists():
            unpack(archive, results)
    except OSError as error:
        raise cannot_write(results, error) from None
    if not file.exists():
        return DayState(rehearsal=rehearse)
    state = read_written(file, DayState, "gpu-day", "; delete it")
    if state.rehearsal != rehearse:
        kind = "a rehearsal" if state.rehearsal else "a real day"
        raise UserError(f"{results}: holds the results of {kind}: choose another --results")
    return state


def keep_day(results: Path, state: DayState) -> None:
    """Keep the outcomes of the stages; raises `UserError` if that cannot be written."""
    try:
        replace(results / STATE, state)
    except OSError as error:
        raise cannot_write(results, error) from None


def pack(results: Path, archive: Path) -> Packed:
    """Replace the archive by one of what is in a folder of results: the state, runs, messages.

    Raises `UserError` if it cannot be written.
    """
    contents = {}
    for pattern in (STATE, "runs/*/*", "runs/*/*/*", f"{LOGS}/*"):
        for file in sorted(results.glob(pattern)):
            name = file.relative_to(results).as_posix()
            # Drafts of files that are being replaced come and go.
            if file.is_file() and _MEMBER.fullmatch(name) and not name.endswith(".tmp"):
                with suppress(FileNotFoundError):
                    contents[name] = file.read_bytes()
    packed = _packed(contents)
    try:
        archive.parent.mkdir(parents=True, exist_ok=True)
        replace(archive, packed)
    except OSError as error:
        raise UserError(f"{archive}: cannot be written: {error.strerror}") from None
    return Packed(archive=str(archive), files=len(contents), bytes=len(packed))


def _packed(contents: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    # Equal contents are equal bytes: gzip would note the time.
    return gzip.compress(packed.getvalue(), compresslevel=6, mtime=0)


def unpack(archive: Path, results: Path) -> list[str]:
    """Write what an archive holds into a folder of results; return the runs, by their folders.

    Raises `UserError` for what is no such archive, for a name that leads elsewhere, and where rows
    would be lost: those of a run that the folder has more of than the archive.
    """
    contents = _contents(archive)
    for name, content in contents.items():
        file = results / name
        own = file.read_bytes() if file.name == _ROWS and file.exists() else b""
        if not content.startswith(own):
            raise UserError(
                f"{file}: holds rows that {archive} does not: unpack into another --results"
            )
    try:
        for name, content in contents.items():
            (results / name).parent.mkdir(parents=True, exist_ok=True)
            replace(results / name, content)
    except OSError as error:
        raise cannot_write(results, error) from None
    return sorted(str(Path(name).parent) for name in contents if Path(name).name == _ROWS)


def _contents(archive: Path) -> dict[str, bytes]:
    contents: dict[str, bytes] = {}
    left = _MOST_UNPACKED_BYTES
    try:
        with tarfile.open(archive, mode="r:gz") as packed:
            for member in packed:
                left -= member.size
                stream = packed.extractfile(member) if member.isreg() else None
                if stream is None or left < 0 or not _MEMBER.fullmatch(member.name):
                    raise UserError(f"{archive}: {member.name!r} was not packed by gpu-day")
                contents[member.name] = stream.read()
    except OSError as error:
        raise UserError(f"{archive}: cannot be read: {error.strerror or error}") from None
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise UserError(f"{archive}: no archive of gpu-day: {error}") from None
    return contents
