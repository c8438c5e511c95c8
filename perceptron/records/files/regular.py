"""Refuse what is no regular file: a folder of results may come from anybody."""

from __future__ import annotations

from pathlib import Path
from stat import S_ISREG

from perceptron.errors import UserError


def must_be_a_file(file: Path) -> None:
    """Raise `UserError` unless this is a regular file.

    Reading a pipe would wait for ever, and a device never ends.
    """
    try:
        mode = file.stat().st_mode
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}") from None
    if not S_ISREG(mode):
        raise UserError(f"{file}: no ordinary file; move it away")
