"""What an arm traced, as tables of functions and as one profile of both arms."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from msgspec import Struct

from perceptron.gate.reasons.growth import Cost, FunctionId, Table
from perceptron.records.comparison import CountedUnit
from perceptron.records.profile import Frame, Profile

# Of all that the side that does more counts: what a stack must count to be kept by itself.
_LEAST_SHARE = 0.001
MOST_STACKS = 2000


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


def profile(benchmark: str, base: Trace, head: Trace) -> Profile:
    """Return the stacks of both, without the smallest.

    What these count is added to the stack that they stand on, so that its width stays true.
    """
    merged = _Merged()
    for side, trace in enumerate((base, head)):
        merged.add(side, trace)
    return merged.profile(benchmark, base.unit)


class _Merged:
    """The stacks of both arms as one tree: a stack comes after the one that it stands on."""

    def __init__(self) -> None:
        self._frames: dict[FunctionId, int] = {}
        self._lines: list[int | None] = []
        self._stacks: dict[tuple[int, int], int] = {}
        self._counts: list[list[float]] = []

    def add(self, side: int, trace: Trace) -> None:
        """Add what an arm counted; HEAD comes last, and its lines count."""
        places: list[int] = []
        for parent, index, own, _ in trace.stacks:
            above = -1 if parent < 0 else places[parent]
            stack = self._stacks.setdefault(
                (above, self._frame(*trace.frames[index])), len(self._counts)
            )
            if stack == len(self._counts):
                self._counts.append([0.0, 0.0])
            self._counts[stack][side] += own
            places.append(stack)

    def _frame(self, name: str, file: str | None, line: int | None) -> int:
        index = self._frames.setdefault(FunctionId(name, file), len(self._lines))
        if index == len(self._lines):
            self._lines.append(line)
        self._lines[index] = line
        return index

    def profile(self, benchmark: str, unit: CountedUnit) -> Profile:
        """Return what is big enough."""
        links = list(self._stacks)  # in the order of their numbers
        totals = [sum(counts[side] for counts in self._counts) for side in (0, 1)]
        least = _LEAST_SHARE * max(totals)
        while True:
            counts, left = _pruned(links, self._counts, least)
            if len(counts) <= MOST_STACKS:
                break
            least *= 2
        return self._described(benchmark, unit, links, counts, left / max(sum(totals), 1e-9))

    def _described(
        self,
        benchmark: str,
        unit: CountedUnit,
        links: Sequence[tuple[int, int]],
        counts: dict[int, list[float]],
        left_out: float,
    ) -> Profile:
        paths = {stack: _path(stack, links) for stack in sorted(counts)}
        shown = sorted({frame for path in paths.values() for frame in path})
        used = {frame: index for index, frame in enumerate(shown)}
        functions = list(self._frames)
        return Profile(
            benchmark=benchmark,
            unit=unit,
            frames=[
                Frame(
                    function=functions[frame].name,
                    file=functions[frame].file,
                    line=self._lines[frame],
                )
                for frame in used
            ],
            stacks=[[used[frame] for frame in path] for path in paths.values()],
            base=[counts[stack][0] for stack in paths],
            head=[counts[stack][1] for stack in paths],
            left_out=left_out,
        )


def _pruned(
    links: Sequence[tuple[int, int]], counts: Sequence[Sequence[float]], least: float
) -> tuple[dict[int, list[float]], float]:
    """Return the stacks that count as much on some side, and what stands on none of these."""
    kept = {stack: list(own) for stack, own in enumerate(counts)}
    left = 0.0
    for stack in range(len(links) - 1, -1, -1):
        own = kept[stack]
        if max(own) >= least and max(own) > 0:
            continue
        del kept[stack]
        parent = links[stack][0]
        if parent < 0:
            left += sum(own)
        else:
            kept[parent] = [more + before for more, before in zip(own, kept[parent], strict=True)]
    return kept, left


def _path(stack: int, links: Sequence[tuple[int, int]]) -> list[int]:
    """Return the frames of a stack, the outermost first."""
    path: list[int] = []
    while stack >= 0:
        stack, frame = links[stack]
        path.append(frame)
    return path[::-1]
