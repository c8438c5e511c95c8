"""What callgrind wrote down: instructions and calls of each function.

The format is described in valgrind's manual, "Callgrind Format Specification". A name is written
once, ``fn=(12) name``, and later ``fn=(12)``. A line of two numbers or more is the cost of a
position in the current function, except after ``calls=``: then it is what the called one cost, with
all that it called. An arm says that it has left a dump in its folder: what it says may be anything.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from perceptron.errors import UserError
from perceptron.gate.reasons.growth import CannotLook, Cost, FunctionId, Table
from perceptron.untrusted_text import label

UNKNOWN = "(no name)"
"""Functions of a library that it has no names for: all of them together."""

_NAME = re.compile(r"(c?)(ob|fn)=(?:\((\d+)\))? ?(.*)")
# callgrind counts with 64 bits.
_TOO_MANY = 2**64
_SHOWN = 30
# The depth of a recursion, which callgrind tells apart.
_RECURSION = re.compile(r"'\d+$")
_LARGEST_BYTES = 64 * 2**20
_MOST_CALLS = 2**53
_LONGEST = 300
# Of extension modules: for which interpreter and system they were built.
_TAG = re.compile(r"\.(?:cpython|pypy|abi3)[^.]*(?=\.)")


def parse(lines: Iterable[str], calls: int = 1) -> dict[FunctionId, Cost]:
    """Return what each function costs in one of so many calls.

    Raises ValueError for what is no dump of callgrind.
    """
    dump = _Dump()
    for line in lines:
        dump.read(line.rstrip("\n"))
    if not dump.own:
        raise ValueError("no costs in callgrind's dump")
    table: dict[FunctionId, Cost] = {}
    for function in dump.own.keys() | dump.calls.keys():
        cost = Cost(dump.own.get(function, 0) / calls, dump.calls.get(function, 0) / calls)
        table[function] = cost
    return table


class _Dump:
    """A dump while it is read."""

    def __init__(self) -> None:
        self.own: dict[FunctionId, int] = {}
        self.calls: dict[FunctionId, int] = {}
        self._names: dict[tuple[str, str], str] = {}
        self._current = {"ob": "", "fn": ""}
        self._called: dict[str, str] = {}
        self._after_calls = False

    def read(self, line: str) -> None:
        name = _NAME.fullmatch(line)
        if name is not None:
            self._read_name(*name.groups(default=""))
        elif line.startswith("calls="):
            library = self._called.pop("ob", self._current["ob"])
            function = _id(self._called.pop("fn", ""), library)
            number = line.removeprefix("calls=").partition(" ")[0]
            self.calls[function] = self.calls.get(function, 0) + _count(number)
            self._after_calls = True
        elif line[:1] in "+-*0123456789" and line:
            if not self._after_calls:
                self._read_cost(line)
            self._after_calls = False

    def _read_name(self, called: str, kind: str, number: str, text: str) -> None:
        if number and text:
            self._names[kind, number] = text
        full = text or self._names.get((kind, number), "")
        if called:
            self._called[kind] = full
        else:
            self._current[kind] = full

    def _read_cost(self, line: str) -> None:
        _, *costs = line.split()
        function = _id(self._current["fn"], self._current["ob"])
        self.own[function] = self.own.get(function, 0) + (_count(costs[0]) if costs else 0)


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
    return FunctionId(name, _short(library))


def _short(library: str) -> str | None:
    """Return ``libpython3.11.so`` for the path of ``libpython3.11.so.1.0``; None if unknown."""
    name = library.rpartition("/")[2]
    if not name or name.startswith("???"):
        return None
    before, shared, _ = _TAG.sub("", name).partition(".so")
    return before + shared


class Told(Struct, frozen=True, kw_only=True):
    """What the arm says: the name of the file, and of how many calls it tells."""

    dump: str
    calls: Annotated[int, Meta(ge=1, le=_MOST_CALLS)]


def read_dump(folder: Path, content: Mapping[str, Any]) -> Table:
    """Return what each function costs in one call. Raises `CannotLook`."""
    try:
        told = msgspec.convert(content, type=Told)
        file = _inside(folder, told.dump)
        with file.open(encoding="utf-8", errors="replace") as lines:
            return parse(lines, told.calls)
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
