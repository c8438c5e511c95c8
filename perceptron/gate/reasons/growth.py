"""In which functions a benchmark does more, or less: tables of functions, made and compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf

from msgspec import Struct

from perceptron.records.comparison import CountedUnit, FunctionLevel, Growth

MOST = 5
"""Functions of one level that are named."""
# Less of all that is counted is no reason for anything, and may be chance.
_LEAST_SHARE = 0.001


class CannotLook(Exception):
    """One benchmark cannot be looked into; the message says why, in one line."""


@dataclass(frozen=True)
class FunctionId:
    """A function as both revisions know it."""

    name: str
    file: str | None


@dataclass(frozen=True)
class Cost:
    """What one call of a benchmark costs in a function itself, without what that calls."""

    own: float
    calls: float
    line: int | None = None

    def __add__(self, other: Cost) -> Cost:
        """Return both together, for functions of one name."""
        lines = [cost.line for cost in (self, other) if cost.line is not None]
        return Cost(self.own + other.own, self.calls + other.calls, min(lines, default=None))


Table = Mapping[FunctionId, Cost]
_NOTHING = Cost(0.0, 0.0)


class Trace(Struct, frozen=True, kw_only=True):
    """What one call does: see `perceptron.gate.runner.tracing.Traced`."""

    unit: CountedUnit
    repeats: bool
    """Whether two calls in a row did the same."""
    functions: list[tuple[str, str | None, int | None, float, float]]
    """Name, file and line; its own count; its calls."""

    def __post_init__(self) -> None:
        """Raise ValueError for what is no count: it comes from the code that is compared."""
        for name, _, _, own, calls in self.functions:
            if not (0 <= own < inf and 0 <= calls < inf):
                raise ValueError(f"the trace of {name} counts nothing that can be")


def table(trace: Trace) -> Table:
    """Return what each function counts, those of one name in one file together."""
    costs: dict[FunctionId, Cost] = {}
    for name, file, line, own, calls in trace.functions:
        function, cost = FunctionId(name, file), Cost(own, calls, line)
        before = costs.get(function)
        costs[function] = cost if before is None else before + cost
    return costs


def growths(base: Table, head: Table, level: FunctionLevel, unit: CountedUnit) -> list[Growth]:
    """Return the functions whose own count changed most, the largest change first.

    A function that only one side has counts 0 on the other.
    """
    total = max(sum(cost.own for cost in table.values()) for table in (base, head))

    def change(function: FunctionId) -> float:
        return abs(head.get(function, _NOTHING).own - base.get(function, _NOTHING).own)

    changed = [
        function
        for function in base.keys() | head.keys()
        if change(function) > 0 and change(function) >= _LEAST_SHARE * total
    ]
    # The name decides between equals, so that the order is the same each time.
    changed.sort(key=lambda own: (-change(own), own.name, own.file or ""))
    return [
        _growth(own, base.get(own, _NOTHING), head.get(own, _NOTHING), level, unit)
        for own in changed[:MOST]
    ]


def _growth(
    function: FunctionId, base: Cost, head: Cost, level: FunctionLevel, unit: CountedUnit
) -> Growth:
    return Growth(
        function=function.name,
        level=level,
        unit=unit,
        base=base.own,
        head=head.own,
        base_calls=base.calls,
        head_calls=head.calls,
        file=function.file,
        line=base.line if head.line is None else head.line,
    )
