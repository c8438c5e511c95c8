"""One writer for each file or folder: a lock that goes away with its process, however that ends."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path

from filelock import FileLock, Timeout, lock_descriptor

# In a folder that does not outlive its process: its user holds it.
_LOCK_FILE = "perceptron.lock"
_TEMPORARY = "perceptron-held-"


def open_locked(file: Path) -> FileIO | None:
    """Open a file for appending and lock it until it is closed; None if it is locked already.

    Raises OSError if the file cannot be opened, or is a link or no ordinary file. On Windows, where
    a lock would also keep readers out, nothing is locked.
    """
    # Unbuffered: closing has nothing left to write that could fail.
    stream = FileIO(file, "a", opener=_open_plain)
    try:
        if sys.platform == "win32" or lock_descriptor(stream.fileno(), blocking=False):
            return stream
    except BaseException:
        stream.close()
        raise
    stream.close()
    return None


def _open_plain(file: str, flags: int) -> int:
    """Open an ordinary file: a link's target is not ours to change, and a pipe waits for ever."""
    # Windows has neither flag.
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        descriptor = os.open(file, flags, 0o666)
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.ENXIO):
            raise
        raise _not_plain(file) from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _not_plain(file)
    return descriptor


def _not_plain(file: str) -> OSError:
    return OSError(errno.EINVAL, f"{file} is a link or no ordinary file", file)


@contextmanager
def locked(file: Path, seconds: float) -> Iterator[bool]:
    """Lock ``file``, which holds nothing else, for one process and thread at a time.

    Wait at most ``seconds``; the ``with`` target is whether the lock was taken. Raises OSError
    if the file cannot be made.
    """
    lock = FileLock(file)
    try:
        lock.acquire(timeout=seconds)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


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
    """Make a folder that others see under its ``prefix`` only once its lock is held.

    Windows renames no folder of an open file; nothing is locked there anyway.
    """
    new = "" if sys.platform == "win32" else "new-"
    made = Path(tempfile.mkdtemp(prefix=f"{new}{prefix}", dir=parent))
    lock = open_locked(made / _LOCK_FILE)
    assert lock is not None, "no other process knows this folder"
    folder = made.with_name(made.name.removeprefix(new))
    made.rename(folder)
    return folder.resolve(), lock


def abandoned(parent: Path, prefix: str) -> Iterator[Path]:
    """Yield folders whose process has ended, one way or another, each held while it is yielded.

    A lock ends with its process, even if another process has its number now. Only folders of this
    user that hold a lock of ours count; on Windows, where nothing is locked, none.
    """
    for left in parent.glob(f"{prefix}*"):
        with suppress(OSError):
            if _is_ours(left) and (lock := open_locked(left / _LOCK_FILE)) is not None:
                with lock:
                    yield left


def _is_ours(folder: Path) -> bool:
    if not hasattr(os, "geteuid"):  # Windows
        return False
    found, lock = folder.lstat(), (folder / _LOCK_FILE).lstat()
    its_kind = stat.S_ISDIR(found.st_mode) and stat.S_ISREG(lock.st_mode)
    return its_kind and found.st_uid == lock.st_uid == os.geteuid()
