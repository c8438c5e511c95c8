"""Folders that do not outlive their process: gone at its end, or when the next one begins."""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path

from perceptron.records.files.lock import open_locked

_LOCK = "perceptron.lock"
_TEMPORARY = "perceptron-held-"


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Yield an empty folder for temporary files; what killed processes left of theirs goes first.

    Raises OSError if none can be made.
    """
    parent = Path(tempfile.gettempdir())
    for left in abandoned(parent, _TEMPORARY):
        shutil.rmtree(left, ignore_errors=True)
    folder, lock = make_held(parent, _TEMPORARY)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        lock.close()


def make_held(parent: Path, prefix: str) -> tuple[Path, FileIO]:
    """Make a folder that others see under its ``prefix`` only once its lock is held."""
    made = Path(tempfile.mkdtemp(prefix=f"new-{prefix}", dir=parent))
    lock = open_locked(made / _LOCK)
    assert lock is not None, "nobody else knows this folder"
    folder = made.with_name(made.name.removeprefix("new-"))
    made.rename(folder)
    return folder.resolve(), lock


def abandoned(parent: Path, prefix: str) -> Iterator[Path]:
    """Yield folders whose process has ended, one way or another, each held while it is yielded.

    A lock ends with its process, whoever has the process's number now. Only folders of this user
    that hold a lock of ours count; on Windows, where nothing is locked, none.
    """
    for left in parent.glob(f"{prefix}*"):
        with suppress(OSError):
            if _is_ours(left) and (lock := open_locked(left / _LOCK)) is not None:
                with lock:
                    yield left


def _is_ours(folder: Path) -> bool:
    if sys.platform == "win32":
        return False
    found, lock = folder.lstat(), (folder / _LOCK).lstat()
    its_kind = stat.S_ISDIR(found.st_mode) and stat.S_ISREG(lock.st_mode)
    return its_kind and found.st_uid == lock.st_uid == os.geteuid()
