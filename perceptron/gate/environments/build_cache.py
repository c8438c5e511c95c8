"""Environments that were built, kept for the next comparison with the same commit on that side.

    <cache>/built/<digest of how it is built>/<commit>-<side>/lock, build.log, made.json, env/

``made.json`` is written last: without it a build was cut short. Whoever uses a folder holds its
lock. All paths are equally long.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

import msgspec
from msgspec import Struct
from platformdirs import user_cache_path

from perceptron.errors import UserError
from perceptron.gate.checkout.worktrees import with_tilde
from perceptron.records.block import Side
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
    def environment(self) -> Path:
        """The folder that asv builds in and installs into."""
        return self.folder / "env"

    @property
    def log(self) -> Path:
        """The file that all output of the build goes to."""
        return self.folder / "build.log"

    def made(self) -> Made | None:
        """Return what lies here; None for nothing, and for what was cut short or taken away."""
        try:
            made = msgspec.json.decode(self.made_file.read_bytes(), type=Made)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        return made if os.access(made.python, os.X_OK) else None

    def empty(self) -> None:
        """Remove what a build left here."""
        self.made_file.unlink(missing_ok=True)
        shutil.rmtree(self.environment, ignore_errors=True)


def home() -> Path:
    """Return the folder of all environments."""
    return user_cache_path("perceptron", appauthor=False) / "built"


def take(digest: str, commit: str, side: Side) -> Place:
    """Return the place of the commit on this side, with its environment if there is one.

    Raises `UserError` if it cannot be written, or another comparison uses it.
    """
    folder = home() / digest / f"{commit[:12]}-{side}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = open_locked(folder / "lock")
        if lock is None:
            raise UserError(f"{with_tilde(folder)}: another comparison uses it: wait for its end")
        place = Place(folder, lock)
        if place.made() is not None:
            os.utime(place.made_file)  # used now
    except OSError as error:
        raise UserError(
            f"{with_tilde(folder)}: cannot hold environments: {error.strerror}; set XDG_CACHE_HOME"
        ) from None
    return place


def drop_oldest(most: int = MOST) -> None:
    """Keep the ``most`` that were used last, and what is in use."""
    used: dict[Path, float] = {}
    for lock in home().glob("*/*/lock"):
        made = lock.with_name("made.json")
        used[lock] = made.stat().st_mtime if made.exists() else 0.0  # half of one: never
    for lock in sorted(used, key=used.__getitem__)[: max(0, len(used) - most)]:
        with contextlib.suppress(OSError):
            held = open_locked(lock)
            if held is not None:
                shutil.rmtree(lock.parent, ignore_errors=True)
                held.close()
