"""Read a TOML file or asv's JSON of unknown origin; values are decoded and nothing else."""

from __future__ import annotations

import stat
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from perceptron.errors import UserError

# Decoding takes seconds per megabyte, and the file may be hostile.
_MOST_BYTES = 2**20


def read_toml(file: Path) -> dict[str, Any]:
    """Return what the file holds.

    Raises `UserError`, one line that says what is wrong and does not name the file: the caller
    puts the name before it.
    """
    content: dict[str, Any] = _read(file, "TOML", tomllib.loads)
    return content


def read_asv_json(file: Path) -> object:
    """Return what asv's configuration holds: JSON that may have comments; raises as `read_toml`."""
    import json5  # here: to measure, or read a results folder, needs no such library

    return _read(file, "asv's JSON", json5.loads)


def _read(file: Path, kind: str, decode: Callable[[str], Any]) -> Any:
    try:
        if stat.S_ISFIFO(file.stat().st_mode):  # to open it would wait for ever
            raise UserError("no ordinary file")
        with file.open("rb") as stream:
            content = stream.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise UserError(f"larger than {_MOST_BYTES:,} bytes")
        return decode(content.decode())
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise UserError(f"not UTF-8 text: byte {error.start} is out of place") from None
    except RecursionError:
        raise UserError(f"not {kind}: nested too deeply") from None
    except ValueError as error:  # none of it, or a number of thousands of digits
        raise UserError(f"not {kind}: {' '.join(str(error).split())}") from None
