"""Built environments, kept for the next comparison with the same commit on that side.

    <cache>/built/<digest of the recipe>/<commit>-<side>/lock, build.log, made, env/

``made`` is written last: a folder without it holds an interrupted build. A comparison that uses a
folder holds its lock. All paths are equally long.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from platformdirs import user_cache_path

from perceptron.errors import UserError
from perceptron.gate.checkout.worktrees import with_tilde
from perceptron.records.block import Side
from perceptron.records.files.lock import open_locked

MOST = 8
"""Number of environments to keep."""


@dataclass(frozen=True)
class Place:
    """A folder for one environment, locked until it is closed."""

    folder: Path
    side: Side
    lock: FileIO

    @property
    def made_file(self) -> Path:
        """The empty file that marks a complete build."""
        return self.folder / "made"

    @property
    def environment(self) -> Path:
        """The folder of everything that a build makes: the virtual environment, the project,
        wheels."""
        return self.folder / "env"

    @property
    def venv(self) -> Path:
        """The virtual environment."""
        return self.environment / "venv"

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.venv / "bin" / "python"

    @property
    def log(self) -> Path:
        """The file for all output of the build."""
        return self.folder / "build.log"

    @property
    def is_made(self) -> bool:
        """Whether there is a complete environment; not an interrupted or deleted one."""
        return self.made_file.is_file() and os.access(self.python, os.X_OK)

    def empty(self) -> None:
        """Remove the files of a build."""
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
        place = Place(folder, side, lock)
        if place.is_made:
            os.utime(place.made_file)  # used now
    except OSError as error:
        raise UserError(
            f"{with_tilde(folder)}: cannot hold environments: {error.strerror}; set XDG_CACHE_HOME"
        ) from None
    return place


def drop_oldest(most: int = MOST) -> None:
    """Keep the ``most`` recently used environments, and those in use."""
    used: dict[Path, float] = {}
    for lock in home().glob("*/*/lock"):
        mark = lock.with_name("made")
        used[lock] = mark.stat().st_mtime if mark.exists() else 0.0  # incomplete: never used
    for lock in sorted(used, key=used.__getitem__)[: max(0, len(used) - most)]:
        with contextlib.suppress(OSError):
            opened = open_locked(lock)
            if opened is not None:
                shutil.rmtree(lock.parent, ignore_errors=True)
                opened.close()
