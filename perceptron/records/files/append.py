"""Append lines to a file so that each is on disk before the next is measured.

A last line that was cut short, because its process was ended, is cut off when the file is opened
again.
"""

from __future__ import annotations

import errno
import os
from io import FileIO
from pathlib import Path

import msgspec
from msgspec import Struct

from perceptron.errors import UserError


def append(stream: FileIO, *contents: Struct) -> None:
    """Write a line of JSON for each and wait until the disk has them.

    Raises OSError, and then leaves no part of a line.
    """
    append_lines(stream, b"".join(msgspec.json.encode(content) + b"\n" for content in contents))


def append_lines(stream: FileIO, lines: bytes) -> None:
    """Write lines and wait until the disk has them.

    Raises OSError, and then leaves no part of a line.
    """
    if stream.write(lines) != len(lines):
        cut_unfinished(stream)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    os.fsync(stream.fileno())


def cut_unfinished(stream: FileIO) -> None:
    """Cut off a last line without an end: its process was ended while it wrote."""
    content = Path(str(stream.name)).read_bytes()
    stream.truncate(content.rfind(b"\n") + 1)


def cannot_write(folder: Path, error: OSError) -> UserError:
    """Return the error for a folder of results that cannot be written to."""
    return UserError(f"{folder}: cannot write results: {error.strerror}; choose another --results")
