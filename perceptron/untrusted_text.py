"""Text from outside: configuration decoded and nothing else, and what is shown made safe.

To be shown it is one line of bounded length, without markup.
"""

from __future__ import annotations

import stat
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from perceptron.errors import UserError

# What a heading, a switch or a legend has room for, and an error.
LONGEST = 80
_LONGEST_QUOTED = 60
# Decoding takes seconds per megabyte, and the file may be hostile.
_MOST_BYTES = 2**20

# Control characters, those that only say how others are shown, and separators of lines.
_INVISIBLE = ("Cc", "Cf", "Cs", "Zl", "Zp")


def label(value: object) -> str:
    """Return a value as a name: one line of text that every terminal and file accepts.

    What steers terminals or turns the direction of text round becomes a replacement character.
    """
    return printable(" ".join(str(value).split()))


def printable(value: object) -> str:
    """Return a value, as a path or a message, with a mark for what is not to be shown or written.

    Unlike `label` it keeps every space.
    """
    text = str(value)
    if text.isprintable():
        return text
    text = text.encode("utf-8", "replace").decode("utf-8")
    return "".join(
        "\ufffd" if unicodedata.category(character) in _INVISIBLE else character
        for character in text
    )


def quoted(value: object) -> str:
    """Return a value as an error quotes it: in one line of at most 60 characters."""
    text = repr(label(value)) if isinstance(value, str) else ascii(value)
    if len(text) <= _LONGEST_QUOTED:
        return text
    return f"{text[: _LONGEST_QUOTED - 4]}…{text[-1]}"


@lru_cache(maxsize=4096)  # thousands of rows hold the same few texts
def shortened(text: str, longest: int = LONGEST) -> str:
    """Return the text in one line, or its two ends and how long it was.

    Long names often differ only at their ends.
    """
    text = label(text)
    if len(text) <= longest:
        return text
    omission = f"… ({len(text):,} characters) …"
    room = max(2, longest - len(omission))
    return f"{text[: room - room // 2]}{omission}{text[-(room // 2) :]}"


def read_toml(file: Path) -> dict[str, Any]:
    """Return the content of a TOML file.

    Raises `UserError`, one line that says what is wrong and does not name the file: the caller
    puts the name before it.
    """
    return toml(_read(file))


def read_asv_json(file: Path) -> object:
    """Return asv's configuration: JSON that may have comments; raises as `read_toml`."""
    return asv_json(_read(file))


def toml(content: bytes) -> dict[str, Any]:
    """Decode the bytes of a TOML file; raises as `read_toml`."""
    import tomllib  # here: to name a command takes none

    decoded: dict[str, Any] = _decoded(content, "TOML", tomllib.loads)
    return decoded


def asv_json(content: bytes) -> object:
    """Decode the bytes of asv's configuration; raises as `read_toml`."""
    import json5  # here: to measure, or read a results folder, needs no such library

    return _decoded(content, "asv's JSON", json5.loads)


def _read(file: Path) -> bytes:
    try:
        if stat.S_ISFIFO(file.stat().st_mode):  # to open it would wait for ever
            raise UserError("no ordinary file")
        with file.open("rb") as stream:
            return stream.read(_MOST_BYTES + 1)
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror}") from None


def _decoded(content: bytes, kind: str, decode: Callable[[str], Any]) -> Any:
    if len(content) > _MOST_BYTES:
        raise UserError(f"larger than {_MOST_BYTES:,} bytes")
    try:
        return decode(content.decode())
    except UnicodeDecodeError as error:
        raise UserError(f"not UTF-8 text: byte {error.start} is out of place") from None
    except RecursionError:
        raise UserError(f"not {kind}: nested too deeply") from None
    except ValueError as error:  # none of it, or a number of thousands of digits
        raise UserError(f"not {kind}: {' '.join(str(error).split())}") from None
