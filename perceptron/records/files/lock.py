"""One writer for each file: a lock that goes away with its process, however that ends."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

from filelock import FileLock, Timeout, lock_descriptor


def open_locked(file: Path) -> FileIO | None:
    """Open a file for appending and lock it until it is closed; None if it is locked already.

    Raises OSError if the file cannot be opened. On Windows, where a lock would also keep readers
    out, nothing is locked.
    """
    stream = FileIO(file, "a")  # unbuffered: closing has nothing left to write that could fail
    try:
        if sys.platform == "win32" or lock_descriptor(stream.fileno(), blocking=False):
            return stream
    except BaseException:
        stream.close()
        raise
    stream.close()
    return None


@contextmanager
def locked(file: Path, seconds: float) -> Iterator[bool]:
    """Lock ``file``, which holds nothing else, for one process and thread at a time.

    Wait for it at most so many seconds; the block is told whether it has the lock. Raises OSError
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
