"""Files that outlive whatever ends the process that writes them.

A journal is a file of JSON lines with one writer: each line is on disk before the next is measured,
and a last line that was cut short is cut off when the journal is opened again. Other files are
replaced in one step.
"""

from __future__ import annotations

import errno
import os
from io import FileIO
from pathlib import Path

import msgspec
from msgspec import Struct

from perceptron.errors import UserError


def open_alone(file: Path) -> FileIO | None:
    """Open for appending; None if another process has it open for work of its own."""
    lines = FileIO(file, "a")  # unbuffered: closing has nothing left to write that could fail
    try:
        import fcntl
    except ImportError:  # Windows: two processes in one file are not told apart there
        return lines
    try:
        # The lock goes away with the process, however it ends.
        fcntl.flock(lines, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lines.close()
        return None
    return lines


def append(lines: FileIO, content: Struct) -> None:
    """Write a line and wait until the disk has it; raises OSError and then leaves no part of it."""
    line = msgspec.json.encode(content) + b"\n"
    if lines.write(line) != len(line):
        cut_unfinished(lines)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    os.fsync(lines.fileno())


def cut_unfinished(lines: FileIO) -> None:
    """Cut off what was being written when a process was ended."""
    content = Path(str(lines.name)).read_bytes()
    lines.truncate(content.rfind(b"\n") + 1)


def replace(file: Path, content: Struct) -> None:
    """Replace a file in one step, so that no reader sees half of it; raises OSError."""
    draft = file.with_suffix(f".{os.getpid()}.tmp")
    text = msgspec.json.format(msgspec.json.encode(content), indent=2)
    draft.write_bytes(text + b"\n")
    draft.replace(file)


def cannot_write(folder: Path, error: OSError) -> UserError:
    """The error for a folder of results that took nothing more."""
    return UserError(f"{folder}: cannot write results: {error.strerror}; choose another --results")
