"""A dump of callgrind that an arm says it has left in its folder: what it says may be anything."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from perceptron.errors import UserError
from perceptron.gate.reasons import callgrind
from perceptron.gate.reasons.growth import Table
from perceptron.untrusted_text import label

_LARGEST_BYTES = 64 * 2**20
_MOST_CALLS = 2**53
_LONGEST = 300


class NoDump(Exception):
    """There is none that can be read; the message says why, in one line."""


class Told(Struct, frozen=True, kw_only=True):
    """What the arm says: the name of the file, and of how many calls it tells."""

    dump: str
    calls: Annotated[int, Meta(ge=1, le=_MOST_CALLS)]


def read(folder: Path, content: Mapping[str, Any]) -> Table:
    """Return what each function costs in one call. Raises `NoDump`."""
    try:
        told = msgspec.convert(content, type=Told)
        file = _inside(folder, told.dump)
        with file.open(encoding="utf-8", errors="replace") as lines:
            return callgrind.parse(lines, told.calls)
    except (OSError, ValueError, msgspec.ValidationError) as error:
        raise NoDump(f"no dump of callgrind: {in_one_line(error)}") from None


def _inside(folder: Path, name: str) -> Path:
    """Return the file of the folder. Raises ValueError for what is none of it, or too large."""
    if name in {"", ".", ".."} or Path(name).name != name:
        raise ValueError("its name leads elsewhere")
    facts = (folder / name).lstat()
    if not stat.S_ISREG(facts.st_mode):
        raise ValueError("it is no file")
    if facts.st_size > _LARGEST_BYTES:
        raise ValueError(f"it is larger than {_LARGEST_BYTES // 2**20} MiB")
    return folder / name


def in_one_line(error: BaseException) -> str:
    """Return what an exception says, and its name where nobody wrote it for users."""
    named = "" if isinstance(error, (OSError, UserError)) else f"{type(error).__name__}: "
    return label(f"{named}{error}")[:_LONGEST]
