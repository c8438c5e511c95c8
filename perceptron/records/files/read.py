"""Read files that the suite wrote, which may come from elsewhere or be damaged."""

from __future__ import annotations

from pathlib import Path
from stat import S_ISREG
from typing import TypeVar

import msgspec

from perceptron.errors import UserError

Content = TypeVar("Content")


def must_be_a_file(file: Path) -> None:
    """Raise `UserError` unless this is a regular file.

    Reading a pipe would wait forever, and a device never ends.
    """
    try:
        mode = file.stat().st_mode
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}") from None
    if not S_ISREG(mode):
        raise UserError(f"{file}: no ordinary file; move it away")


def read_written(file: Path, kind: type[Content], writer: str) -> Content:
    """Decode a JSON file; ``writer`` names in errors what writes such files, such as ``a run``.

    Raises `UserError` naming the file if it cannot be read or holds something else.
    """
    must_be_a_file(file)
    try:
        return msgspec.json.decode(file.read_bytes(), type=kind)
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UserError(f"{file}: not what {writer} writes: {error}") from None
