"""What callgrind wrote down: instructions and calls of each function.

The format is described in valgrind's manual, "Callgrind Format Specification". A name is written
once, ``fn=(12) name``, and later ``fn=(12)``. A line of two numbers or more is the cost of a
position in the current function, except after ``calls=``: then it is what the called one cost, with
all that it called. A side says that it has left a dump in its folder: what it says may be anything.
"""

from __future__ import annotations

import re
import stat
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from perceptron.errors import UserError
from perceptron.gate.reasons.growth import CannotLook, Cost, FunctionId, Table
from perceptron.untrusted_text import label

UNKNOWN = "(no name)"
"""Functions of a library that it has no names for: all of them together."""

_NAME = re.compile(r"(c?)(ob|fn)=(?:\((\d+)\))? ?(.*)")
# What the line of a cost begins with.
_POSITIONS = frozenset("+-*0123456789")
# callgrind counts with 64 bits.
_TOO_MANY = 2**64
_SHOWN = 30
# The depth of a recursion, which callgrind tells apart.
_RECURSION = re.compile(r"'\d+$")
_LARGEST_BYTES = 64 * 2**20
Calls = Annotated[int, Meta(ge=1, le=2**53)]
_LONGEST = 300
# Of extension modules: for which interpreter and system they were built.
_TAG = re.compile(r"\.(?:cpython|pypy|abi3)[^.]*(?=\.)")


def parse(lines: Iterable[str], calls: int = 1) -> dict[FunctionId, Cost]:
    """Return what each function costs in one of so many calls.

    Raises ValueError for what is no dump of callgrind.
    """
    own: Counter[FunctionId] = Counter()
    calls_of: Counter[FunctionId] = Counter()
    names: dict[tuple[str, str], str] = {}
    current = {"ob": "", "fn": ""}
    called: dict[str, str] = {}
    after_calls = False
    for line in lines:
        name = _NAME.fullmatch(line.rstrip("\n"))
        if name is not None:
            is_called, kind, number, text = name.groups(default="")
            if number and text:
                names[kind, number] = text
            (called if is_called else current)[kind] = text or names.get((kind, number), "")
        elif line.startswith("calls="):
            function = _id(called.pop("fn", ""), called.pop("ob", current["ob"]))
            calls_of[function] += _count(line.removeprefix("calls=").partition(" ")[0])
            after_calls = True
        elif line[:1] in _POSITIONS:
            if not after_calls:
                _, *costs = line.split()
                own[_id(current["fn"], current["ob"])] += _count(costs[0]) if costs else 0
            after_calls = False
    if not own:
        raise ValueError("no costs in callgrind's dump")
    return {
        function: Cost(own[function] / calls, calls_of[function] / calls)
        for function in own.keys() | calls_of.keys()
    }


def _count(text: str) -> int:
    """Return a number of instructions or of calls. Raises ValueError for what is none."""
    number = int(text)
    if not 0 <= number < _TOO_MANY:
        raise ValueError(f"callgrind counted {text[:_SHOWN]}")
    return number


def _id(function: str, library: str) -> FunctionId:
    name = _RECURSION.sub("", function)
    if not name or name.startswith(("0x", "???")):
        name = UNKNOWN
    return name, _short(library)


def _short(library: str) -> str | None:
    """Return ``libpython3.11.so`` for the path of ``libpython3.11.so.1.0``; None if unknown."""
    name = library.rpartition("/")[2]
    if not name or name.startswith("???"):
        return None
    before, shared, _ = _TAG.sub("", name).partition(".so")
    return before + shared


def read_dump(folder: Path, content: Mapping[str, Any]) -> Table:
    """Return what each function costs in one call, by the ``dump`` of so many ``calls``.

    Raises `CannotLook`.
    """
    try:
        file = _inside(folder, msgspec.convert(content.get("dump"), str))
        calls = msgspec.convert(content.get("calls"), Calls)
        with file.open(encoding="utf-8", errors="replace") as lines:
            return parse(lines, calls)
    except (OSError, ValueError, msgspec.ValidationError) as error:
        raise CannotLook(f"no dump of callgrind: {in_one_line(error)}") from None


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
