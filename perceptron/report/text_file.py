"""Text files that a command writes where its user asks for them."""

from __future__ import annotations

from pathlib import Path

from perceptron.errors import UserError


def reserve(file: Path) -> None:
    """Check that the file can be written, before minutes of work; raises `UserError`.

    A file that does not exist is not left behind.
    """
    existed = file.exists()
    try:
        file.touch()
        if not existed:
            file.unlink()
    except OSError as error:
        raise _cannot(file, error) from None


def write(file: Path, text: str) -> Path:
    """Write the file and return it; raises `UserError` if it cannot be written."""
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise _cannot(file, error) from None
    return file


def append(file: Path, text: str) -> None:
    """Append to the file; raises `UserError` if it cannot be written."""
    try:
        with file.open("a", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as error:
        raise _cannot(file, error) from None


def _cannot(file: Path, error: OSError) -> UserError:
    return UserError(f"{file}: cannot be written: {error.strerror}; choose another")
