"""Read a JSON file that the suite wrote, and that anybody may have changed since."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec

from perceptron.errors import UserError
from perceptron.records.files.regular import must_be_a_file

Content = TypeVar("Content")


def read_written(file: Path, kind: type[Content], writer: str) -> Content:
    """Return what the file holds; ``writer`` is what writes such files, as in ``a run``.

    Raises `UserError`, one line that names the file, if it cannot be read or holds something else.
    """
    must_be_a_file(file)
    try:
        return msgspec.json.decode(file.read_bytes(), type=kind)
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UserError(f"{file}: not what {writer} writes: {error}") from None
