"""What an arm traced, as a table of functions."""

from __future__ import annotations

from math import inf

from msgspec import Struct

from perceptron.gate.reasons.growth import Cost, FunctionId, Table
from perceptron.records.comparison import CountedUnit


class Trace(Struct, frozen=True, kw_only=True):
    """What one call does: see `perceptron.gate.runner.tracing.Traced`."""

    unit: CountedUnit
    repeats: bool
    """Whether two calls in a row did the same."""
    frames: list[tuple[str, str | None, int | None]]
    """Name, file and line."""
    stacks: list[tuple[int, int, float, float]]
    """The one that it stands on, −1 for none; its frame; its own count; its calls."""

    def __post_init__(self) -> None:
        """Raise ValueError for what is no tree: it comes from the code that is compared."""
        for number, (above, frame, own, calls) in enumerate(self.stacks):
            if not (-1 <= above < number and 0 <= frame < len(self.frames)):
                raise ValueError(f"stack {number} of the trace stands on nothing that is there")
            if not (0 <= own < inf and 0 <= calls < inf):
                raise ValueError(f"stack {number} of the trace counts nothing that can be")


def table(trace: Trace) -> Table:
    """Return what each function counts, on all stacks together."""
    costs: dict[FunctionId, Cost] = {}
    for _, index, own, calls in trace.stacks:
        name, file, line = trace.frames[index]
        function, cost = FunctionId(name, file), Cost(own, calls, line)
        before = costs.get(function)
        costs[function] = cost if before is None else before + cost
    return costs
