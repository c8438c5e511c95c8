"""The functions in which a benchmark does more or less work: tables of functions, compared.

Tables come from traces of Python, and from files of callgrind.

Their format is described in valgrind's manual, "Callgrind Format Specification". A name is written
once, ``fn=(12) name``, and later ``fn=(12)``. A line of two numbers or more is the cost of a
position in the current function, except after ``calls=``: then it is the inclusive cost of the
called function. A side names the dump in its folder: this answer is not trusted.
"""

from __future__ import annotations

import re
import stat
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from perceptron.errors import UserError
from perceptron.records.comparison import CountedUnit, FunctionLevel, Growth
from perceptron.untrusted_text import label

MOST = 5
"""The most functions of a level that are named."""
# A smaller share of all counts explains nothing, and may be chance.
_LEAST_SHARE = 0.001
UNKNOWN = "(no name)"
"""All functions of a library without symbol names, together."""

_NAME = re.compile(r"(c?)(ob|fn)=(?:\((\d+)\))? ?(.*)")
# The first character of a cost line.
_POSITIONS = frozenset("+-*0123456789")
# callgrind counts with 64 bits.
_TOO_MANY = 2**64
_SHOWN = 30
# The depth of a recursion, which callgrind counts separately.
_RECURSION = re.compile(r"'\d+$")
_LARGEST_BYTES = 64 * 2**20
Calls = Annotated[int, Meta(ge=1, le=2**53)]
_LONGEST = 300
# Suffixes of extension modules: their interpreter and system.
_TAG = re.compile(r"\.(?:cpython|pypy|abi3)[^.]*(?=\.)")


class TraceError(Exception):
    """A benchmark cannot be traced or profiled; the message says why, in one line."""


FunctionId = tuple[str, str | None]
"""A function's identity in both revisions: its name, and its file or library."""


@dataclass(frozen=True)
class Cost:
    """The cost of a function itself in a call of a benchmark, without the functions it calls."""

    own: float
    calls: float
    line: int | None = None

    def __add__(self, other: Cost) -> Cost:
        """Return the sum of both, for functions of the same name."""
        lines = [cost.line for cost in (self, other) if cost.line is not None]
        return Cost(self.own + other.own, self.calls + other.calls, min(lines, default=None))


Table = Mapping[FunctionId, Cost]
_NOTHING = Cost(0.0, 0.0)


class Trace(Struct, frozen=True, kw_only=True):
    """The trace of a call: see `perceptron.gate.runner.tracing.trace_calls`."""

    repeats: bool
    """Whether two calls in a row gave the same counts."""
    functions: list[tuple[str, str | None, int | None, float, float]]
    """Name, file and line; its own count; its calls."""

    def __post_init__(self) -> None:
        """Raise ValueError for invalid counts: they come from the code that is compared."""
        for name, _, _, own_count, calls in self.functions:
            if not (0 <= own_count < inf and 0 <= calls < inf):
                raise ValueError(f"the trace of {name} has invalid counts")


def table(trace: Trace) -> Table:
    """Return each function's cost, adding those of the same name and file."""
    costs: dict[FunctionId, Cost] = {}
    for name, file, line, own_count, calls in trace.functions:
        costs[name, file] = costs.get((name, file), _NOTHING) + Cost(own_count, calls, line)
    return costs


def growths(
    base: Table,
    head: Table,
    level: FunctionLevel,
    unit: CountedUnit,
    edited: Collection[FunctionId] = (),
) -> list[Growth]:
    """Return the ``edited`` functions that ran, then those whose own count changed most; in both
    groups the largest change first.

    A function of one side alone counts 0 on the other.
    """
    total = max(sum(cost.own for cost in table.values()) for table in (base, head))
    changed = []
    for name, file in base.keys() | head.keys():
        before, after = base.get((name, file), _NOTHING), head.get((name, file), _NOTHING)
        change = abs(after.own - before.own)
        in_diff = (name, file) in edited
        if in_diff or (change > 0 and change >= _LEAST_SHARE * total):
            growth = Growth(
                function=name,
                level=level,
                unit=unit,
                base=before.own,
                head=after.own,
                base_calls=before.calls,
                head_calls=after.calls,
                file=file,
                line=before.line if after.line is None else after.line,
                edited=in_diff,
            )
            changed.append(growth)
    # The name breaks ties, so that the order is reproducible.
    changed.sort(
        key=lambda growth: (
            not growth.edited,
            -abs(growth.head - growth.base),
            growth.function,
            growth.file or "",
        )
    )
    return changed[:MOST]


def parse(lines: Iterable[str], calls: int = 1) -> dict[FunctionId, Cost]:
    """Return each function's cost per call, of ``calls`` profiled calls.

    Raises ValueError if the lines are no dump of callgrind.
    """
    own_costs: Counter[FunctionId] = Counter()
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
                own_costs[_id(current["fn"], current["ob"])] += _count(costs[0]) if costs else 0
            after_calls = False
    if not own_costs:
        raise ValueError("no costs in callgrind's dump")
    return {
        function: Cost(own_costs[function] / calls, calls_of[function] / calls)
        for function in own_costs.keys() | calls_of.keys()
    }


def _count(text: str) -> int:
    """Return a number of instructions or of calls. Raises ValueError if it is invalid."""
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
    """Return each function's cost per call, from the ``dump`` of ``calls`` calls.

    Raises `TraceError`.
    """
    try:
        file = _inside(folder, msgspec.convert(content.get("dump"), str))
        calls = msgspec.convert(content.get("calls"), Calls)
        with file.open(encoding="utf-8", errors="replace") as lines:
            return parse(lines, calls)
    except (OSError, ValueError, msgspec.ValidationError) as error:
        raise TraceError(f"no dump of callgrind: {in_one_line(error)}") from None


def _inside(folder: Path, name: str) -> Path:
    """Return the file in the folder. Raises ValueError if it lies elsewhere, or is too large."""
    if name in {"", ".", ".."} or Path(name).name != name:
        raise ValueError("its name leads elsewhere")
    facts = (folder / name).lstat()
    if not stat.S_ISREG(facts.st_mode):
        raise ValueError("it is no file")
    if facts.st_size > _LARGEST_BYTES:
        raise ValueError(f"it is larger than {_LARGEST_BYTES // 2**20} MiB")
    return folder / name


def in_one_line(error: BaseException) -> str:
    """Return the exception's message, with its name if the message is not written for users."""
    prefix = "" if isinstance(error, (OSError, UserError)) else f"{type(error).__name__}: "
    return label(f"{prefix}{error}")[:_LONGEST]
