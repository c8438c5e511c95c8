"""Environments that were built, kept for the next comparison with the same commit.

    <cache>/built/<digest of how it is built>/<commit>-<letter>/lock, build.log, made.json, env/

``made.json`` is written last: without it a build was cut short. Whoever uses a folder holds its
lock. Two sides of one commit have a folder each; all paths are equally long.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import string
import tempfile
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

import msgspec
from msgspec import Struct
from platformdirs import user_cache_path

from perceptron.errors import UserError
from perceptron.gate.checkout.worktrees import with_tilde
from perceptron.records.files.lock import open_locked

MOST = 8
"""How many are kept."""


class Made(Struct, frozen=True, kw_only=True):
    """What asv made."""

    python: str
    name: str
    """As asv calls this combination of Python and requirements."""
    others: list[str] = []
    """The combinations of the matrix that were not made."""
    variables: dict[str, str] = {}
    """The matrix's variables of the environment."""


@dataclass(frozen=True)
class Place:
    """A folder for one environment, locked until it is closed."""

    folder: Path
    lock: FileIO

    @property
    def made_file(self) -> Path:
        """The file that says what was made."""
        return self.folder / "made.json"

    @property
    def log(self) -> Path:
        """The file that all output of the build goes to."""
        return self.folder / "build.log"

    @property
    def built(self) -> float:
        """When it was built, in seconds since the epoch."""
        return _changed(self.log)

    def made(self) -> Made | None:
        """Return what lies here; None for nothing, and for what was cut short or taken away."""
        try:
            made = msgspec.json.decode(self.made_file.read_bytes(), type=Made)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return None
        return made if os.access(made.python, os.X_OK) else None

    def empty(self) -> None:
        """Remove what a build left here."""
        self.made_file.unlink(missing_ok=True)
        shutil.rmtree(self.folder / "env", ignore_errors=True)


def home() -> Path:
    """Return the folder of all environments."""
    return user_cache_path("perceptron", appauthor=False) / "built"


def take(digest: str, commit: str, new: bool = False) -> Place:
    """Return a place for the commit: one with its environment, else, or if ``new``, an empty one.

    Raises `UserError` if the cache folder cannot be written.
    """
    folder = home() / digest
    place: Place | None = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        place = _free(folder, commit[:12], new)
        if place is None:
            raise UserError(f"{with_tilde(folder)}: too many comparisons of {commit[:12]} at once")
        if new or place.made() is None:
            place.empty()
        else:
            os.utime(place.made_file)  # used now
    except OSError as error:
        if place is not None:
            place.lock.close()
        raise UserError(
            f"{with_tilde(folder)}: cannot hold environments: {error.strerror}; set XDG_CACHE_HOME"
        ) from None
    return place


def _free(folder: Path, commit: str, new: bool) -> Place | None:
    """Return what nobody has: an environment that is made unless ``new``, else an empty place."""
    for made in (False,) if new else (True, False):
        for letter in string.ascii_lowercase:
            path = folder / f"{commit}-{letter}"
            place = None if made and not path.exists() else _lock(path)
            if place is not None:
                if (place.made() is not None) is made:
                    return place
                place.lock.close()
    return None


def drop_oldest(most: int = MOST) -> None:
    """Keep the ``most`` that were used last, and what is in use."""
    # Half an environment was used never.
    made = {path: _changed(path / "made.json") for path in home().glob("*/*-?") if path.is_dir()}
    for path in sorted(made, key=made.__getitem__)[: max(0, len(made) - most)]:
        with contextlib.suppress(OSError):
            place = _lock(path)
            if place is not None:
                _drop(place)


def _drop(place: Place) -> None:
    """Rename it first, so that nobody finds half of it."""
    away = Path(tempfile.mkdtemp(prefix="dropped-", dir=home()))
    place.folder.rename(away / place.folder.name)
    place.lock.close()
    shutil.rmtree(away, ignore_errors=True)


def _lock(folder: Path) -> Place | None:
    """Return the place if nobody has it. It may be dropped between being found and being locked."""
    folder.mkdir(exist_ok=True)
    lock = open_locked(folder / "lock")
    if lock is None:
        return None
    try:
        same = os.path.samestat(os.fstat(lock.fileno()), (folder / "lock").stat())
    except OSError:
        same = False
    if not same:
        lock.close()
        return None
    return Place(folder, lock)


def _changed(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except OSError:
        return 0.0
