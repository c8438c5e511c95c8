"""Files with a line for each thing that was measured, continued where they were cut."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct

from perceptron.errors import UserError
from perceptron.records.files.lock import open_locked
from perceptron.records.files.write import append, cannot_write, cut_unfinished

Kind = TypeVar("Kind", bound=Struct)


def read(file: Path, kind: type[Kind]) -> list[Kind]:
    """Return what the file holds, without a last line that was cut; nothing if there is no file.

    Raises `UserError` with the file and the line for anything else.
    """
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}; choose another") from None
    decoder = msgspec.json.Decoder(kind)
    found = []
    for number, line in enumerate(content[: content.rfind(b"\n") + 1].splitlines(), start=1):
        try:
            found.append(decoder.decode(line))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise UserError(
                f"{file}, line {number}: not what is written there: {error}; remove the line"
            ) from None
    return found


@contextmanager
def appending(file: Path) -> Iterator[Callable[[Struct], None]]:
    """Yield what writes a line behind the others and waits until the disk has it.

    Raises `UserError` if the file cannot be written to, or another process does.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        stream = open_locked(file)
    except OSError as error:
        raise cannot_write(file.parent, error) from None
    if stream is None:
        raise UserError(f"{file}: another process writes to it; two would contend for the cores")

    def write(content: Struct) -> None:
        try:
            append(stream, content)
        except OSError as error:
            raise cannot_write(file.parent, error) from None

    with stream:
        cut_unfinished(stream)
        yield write
