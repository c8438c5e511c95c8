"""Write files so that none is lost or incomplete, however the process ends.

A line is on disk before the next is measured, and a file is replaced in one step. An incomplete
last line of a killed process is removed when the file is opened again.
"""

from __future__ import annotations

import errno
import filecmp
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path

import msgspec
from msgspec import Struct

from perceptron.errors import UserError
from perceptron.options import option


def append(stream: FileIO, *contents: Struct) -> None:
    """Write each struct as a line of JSON and wait until the lines are on disk.

    Raises OSError, and then leaves no part of a line.
    """
    append_lines(stream, b"".join(msgspec.json.encode(content) + b"\n" for content in contents))


def append_lines(stream: FileIO, lines: bytes) -> None:
    """Write lines and wait until they are on disk.

    Raises OSError, and then leaves no part of a line.
    """
    if stream.write(lines) != len(lines):
        cut_unfinished(stream)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    os.fsync(stream.fileno())


def cut_unfinished(stream: FileIO) -> None:
    """Remove a last line without an end, left by a killed process."""
    content = Path(str(stream.name)).read_bytes()
    stream.truncate(content.rfind(b"\n") + 1)


def cannot_write(folder: Path, error: OSError) -> UserError:
    """Return the error for a folder of results that cannot be written to."""
    return UserError(
        f"{folder}: cannot write results: {error.strerror}; choose another {option('results')}"
    )


def replace(file: Path, content: bytes | str | Struct) -> None:
    """Replace a file in one step; raises OSError, and then leaves the old file.

    Text is written as UTF-8, a Struct as indented JSON.
    """
    with _draft_of(file) as draft:
        draft.write_bytes(_as_bytes(content))
        os.replace(draft, file)


def replace_by_parts(file: Path, parts: Iterable[bytes]) -> None:
    """Replace a file by ``parts``, too many for memory; a file of equal content is kept."""
    with _draft_of(file) as draft:
        with draft.open("wb") as stream:
            stream.writelines(parts)
        if file.is_file() and filecmp.cmp(draft, file, shallow=False):
            draft.unlink()
        else:
            os.replace(draft, file)


@contextmanager
def _draft_of(file: Path) -> Iterator[Path]:
    draft = file.with_name(f"{file.name}.{os.getpid()}.tmp")
    try:
        yield draft
    except BaseException:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise


def _as_bytes(content: bytes | str | Struct) -> bytes:
    if isinstance(content, bytes):
        return content
    if isinstance(content, str):
        return content.encode()
    return msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n"
