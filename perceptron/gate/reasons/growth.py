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


FunctionId = tuple[str, str | None]
"""A function as both revisions know it: its name, and its file or library."""


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
    """What one call does: see `perceptron.gate.runner.tracing.trace_calls`."""

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
        costs[name, file] = costs.get((name, file), _NOTHING) + Cost(own, calls, line)
    return costs


def growths(base: Table, head: Table, level: FunctionLevel, unit: CountedUnit) -> list[Growth]:
    """Return the functions whose own count changed most, the largest change first.

    A function that only one side has counts 0 on the other.
    """
    total = max(sum(cost.own for cost in table.values()) for table in (base, head))
    changed = []
    for name, file in base.keys() | head.keys():
        before, after = base.get((name, file), _NOTHING), head.get((name, file), _NOTHING)
        change = abs(after.own - before.own)
        if change > 0 and change >= _LEAST_SHARE * total:
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
            )
            changed.append(growth)
    # The name decides between equals, so that the order is the same each time.
    changed.sort(key=lambda own: (-abs(own.head - own.base), own.function, own.file or ""))
    return changed[:MOST]
