"""One small archive of a day: whatever becomes of the machine, it is whole and at most so old."""

from __future__ import annotations

import gzip
import io
import re
import tarfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from perceptron.errors import UserError
from perceptron.records import races
from perceptron.records.files.append import cannot_write
from perceptron.records.files.replace import replace
from perceptron.records.gpu_day import DayState, Packed

STATE = "gpu-day.json"
ARCHIVE = "gpu-day.tar.gz"
LOGS = "log"
MOST_BYTES = 16 * 2**20
# What an archive may hold, unpacked: rows are text, which packs to a tenth.
_MOST_UNPACKED_BYTES = 2**30
_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}"
_MEMBER = re.compile(rf"{STATE}|{LOGS}/{_NAME}|runs/{_NAME}/{_NAME}(/{_NAME})?", re.ASCII)
_ROWS = "measurements.jsonl"


class Packer:
    """Packs a folder of results again and again; does nothing while nothing has changed."""

    def __init__(self, results: Path, archive: Path, most_bytes: int = MOST_BYTES) -> None:
        self._results = results
        self._archive = archive
        self._most_bytes = most_bytes
        self._seen: object = None
        self.packed = Packed(archive=str(archive), files=0, bytes=0)

    def pack(self) -> Packed:
        """Write the archive beside its place, then put it there; say what it holds.

        The same files give the same bytes. Where there is no room for all, the largest files are
        left out. Raises `UserError` if it cannot be written.
        """
        files: dict[str, Path] = {}
        seen = []
        for name, file in _files(self._results):
            with suppress(FileNotFoundError):  # a stage is at work there
                stat = file.stat()
                seen.append((name, stat.st_size, stat.st_mtime_ns))
                files[name] = file
        if seen == self._seen:
            return self.packed
        read = _read(files)
        packed, left_out = _packed(read), []
        while len(packed) > self._most_bytes and read:
            largest = max(read, key=lambda name: len(read[name]))
            left_out.append(largest)
            del read[largest]
            packed = _packed(read)
        try:
            self._archive.parent.mkdir(parents=True, exist_ok=True)
            replace(self._archive, packed)
        except OSError as error:
            raise UserError(f"{self._archive}: cannot be written: {error.strerror}") from None
        self._seen = seen
        self.packed = Packed(
            archive=str(self._archive),
            files=len(read),
            bytes=len(packed),
            left_out=sorted(left_out),
        )
        return self.packed


def _files(results: Path) -> Iterator[tuple[str, Path]]:
    """Yield what is packed, by its name in the archive: the state, runs, and what stages said."""
    for pattern in (STATE, "runs/*/*", "runs/*/*/*", f"{LOGS}/*"):
        for file in sorted(results.glob(pattern)):
            name = file.relative_to(results).as_posix()
            # Drafts of files that are being replaced come and go.
            if file.is_file() and _MEMBER.fullmatch(name) and not name.endswith(".tmp"):
                yield name, file


def _read(files: dict[str, Path]) -> dict[str, bytes]:
    contents = {}
    for name, file in files.items():
        with suppress(FileNotFoundError):
            contents[name] = file.read_bytes()
    return contents


def _packed(contents: dict[str, bytes]) -> bytes:
    """Return a compressed archive without times and owners."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as archive:
        for name, content in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return gzip.compress(plain.getvalue(), compresslevel=6, mtime=0)


def unpack(archive: Path, results: Path) -> list[str]:
    """Write what an archive holds into a folder of results; return the runs, by their folders.

    Raises `UserError` for what is no such archive, for a name that leads elsewhere, where a
    rehearsal and measurements would lie in one folder, and where rows would be lost: those of a
    run that the folder has more of than the archive.
    """
    contents = _contents(archive)
    _keep_apart(archive, contents, results)
    for name, content in contents.items():
        file = results / name
        if (
            file.name in (_ROWS, races.FILE)
            and file.exists()
            and not content.startswith(file.read_bytes())
        ):
            raise UserError(
                f"{file}: holds rows that {archive} does not: unpack into another --results"
            )
    try:
        for name, content in contents.items():
            file = results / name
            file.parent.mkdir(parents=True, exist_ok=True)
            replace(file, content)
    except OSError as error:
        raise cannot_write(results, error) from None
    return sorted(str(Path(name).parent) for name in contents if Path(name).name == _ROWS)


def _keep_apart(archive: Path, contents: dict[str, bytes], results: Path) -> None:
    """Raise `UserError` where one of an archive and a folder is a rehearsal's and one is not."""
    file = results / STATE
    try:
        here = _is_rehearsal(file.read_bytes()) if file.exists() else None
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror or error}") from None
    if here is None and any(results.glob("runs/*/*")):
        here = False
    packed = _is_rehearsal(contents.get(STATE, b""))
    if here is not None and here != packed:
        is_one, holds = ("a", "measurements") if packed else ("no", "a rehearsal")
        raise UserError(
            f"{archive}: is {is_one} rehearsal, and {results} holds {holds}: unpack into another "
            "--results"
        )


def _is_rehearsal(state: bytes) -> bool:
    """Tell of what a day keeps of itself; what cannot be read is no rehearsal."""
    try:
        return msgspec.json.decode(state, type=DayState).rehearsal
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def _contents(archive: Path) -> dict[str, bytes]:
    contents: dict[str, bytes] = {}
    left = _MOST_UNPACKED_BYTES
    try:
        with tarfile.open(archive, mode="r:gz") as packed:
            for member in packed:
                left -= member.size
                stream = packed.extractfile(member) if member.isreg() else None
                if stream is None or left < 0 or not _MEMBER.fullmatch(member.name):
                    raise UserError(f"{archive}: {member.name!r} is nothing that gpu-day packs")
                contents[member.name] = stream.read()
    except OSError as error:
        raise UserError(f"{archive}: cannot be read: {error.strerror or error}") from None
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise UserError(f"{archive}: no archive of gpu-day: {error}") from None
    return contents
