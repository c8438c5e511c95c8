"""Lock files and folders for one writer; a lock ends with its process, however that ends."""

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

# The file that the process of a temporary folder keeps locked.
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
    """Open an ordinary file for `FileIO`; raises OSError for a link, a pipe or a device."""
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
    """Lock ``file``, which has no other use, for one process and thread at a time.

    Wait at most ``seconds``; yields whether the lock was taken. Raises OSError if the file cannot
    be created.
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
    """Yield an empty folder for temporary files, after deleting those of killed processes.

    Raises OSError if none can be created.
    """
    parent = Path(tempfile.gettempdir())
    for abandoned_folder in abandoned(parent, _TEMPORARY):
        shutil.rmtree(abandoned_folder, ignore_errors=True)
    folder, lock = make_held(parent, _TEMPORARY)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        lock.close()


def make_held(parent: Path, prefix: str) -> tuple[Path, FileIO]:
    """Create a folder and lock it; return both. It gets its ``prefix`` once the lock is held.

    Windows cannot rename a folder with an open file, and nothing is locked there anyway.
    """
    mark = "" if sys.platform == "win32" else "new-"
    draft = Path(tempfile.mkdtemp(prefix=f"{mark}{prefix}", dir=parent))
    lock = open_locked(draft / _LOCK_FILE)
    assert lock is not None, "no other process knows this folder"
    folder = draft.with_name(draft.name.removeprefix(mark))
    draft.rename(folder)
    return folder.resolve(), lock


def abandoned(parent: Path, prefix: str) -> Iterator[Path]:
    """Yield the folders of this user whose process has ended, each locked while it is yielded.

    The lock shows that, even if another process has the same id now. On Windows, where nothing is
    locked, there are none.
    """
    for folder in parent.glob(f"{prefix}*"):
        with suppress(OSError):
            if _is_ours(folder) and (lock := open_locked(folder / _LOCK_FILE)) is not None:
                with lock:
                    yield folder


def _is_ours(folder: Path) -> bool:
    if not hasattr(os, "geteuid"):  # Windows
        return False
    status, lock_status = folder.lstat(), (folder / _LOCK_FILE).lstat()
    its_kind = stat.S_ISDIR(status.st_mode) and stat.S_ISREG(lock_status.st_mode)
    return its_kind and status.st_uid == lock_status.st_uid == os.geteuid()
