"""What callgrind wrote down: instructions and calls of each function.

The format is described in valgrind's manual, "Callgrind Format Specification". A name is written
once, ``fn=(12) name``, and later ``fn=(12)``. A line of two numbers or more is the cost of a
position in the current function, except after ``calls=``: then it is what the called one cost, with
all that it called.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from perceptron.gate.reasons.growth import Cost, FunctionId

UNKNOWN = "(no name)"
"""Functions of a library that it has no names for: all of them together."""

_NAME = re.compile(r"(c?)(ob|fn)=(?:\((\d+)\))? ?(.*)")
# callgrind counts with 64 bits.
_TOO_MANY = 2**64
_SHOWN = 30
# The depth of a recursion, which callgrind tells apart.
_RECURSION = re.compile(r"'\d+$")
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
