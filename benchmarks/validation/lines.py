"""Files with a line for each measurement, which can be continued after an interruption."""

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
    """Return the records in a file, without an unfinished last line; [] if there is no file.

    Raises `UserError` with the file and the line of anything else.
    """
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}; choose another") from None
    decoder = msgspec.json.Decoder(kind)
    records = []
    for number, line in enumerate(content[: content.rfind(b"\n") + 1].splitlines(), start=1):
        try:
            records.append(decoder.decode(line))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise UserError(
                f"{file}, line {number}: not what is written there: {error}; remove the line"
            ) from None
    return records


@contextmanager
def appending(file: Path) -> Iterator[Callable[[Struct], None]]:
    """Yield a function that appends a line and waits until it is on disk.

    Raises `UserError` if the file cannot be written to, or another process writes to it.
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
