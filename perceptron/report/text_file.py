"""Text files that a command writes at a path from its user."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from perceptron.errors import UserError


def reserve(file: Path) -> None:
    """Check that the file can be written, before minutes of work; raises `UserError`.

    No new file is left behind.
    """
    with _writing(file):
        without_trace(file)


def without_trace(file: Path) -> None:
    """Try to write the file and leave it as it was; raises `OSError`."""
    existed = file.exists()
    file.touch()
    if not existed:
        file.unlink()


def write(file: Path, text: str, mode: str = "w") -> Path:
    """Write the file, or append to it with mode ``a``; raises `UserError` if that is impossible."""
    with _writing(file), file.open(mode, encoding="utf-8") as stream:
        stream.write(text)
    return file


@contextmanager
def _writing(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = f"{file}: cannot be written: {error.strerror}; choose another"
        raise UserError(reason) from None
