"""Where one call of a benchmark does its work on both revisions: what a flame graph is made of."""

from __future__ import annotations

from msgspec import Struct

from perceptron.records.comparison import CountedUnit


class Frame(Struct, frozen=True, kw_only=True):
    """One function on a stack."""

    function: str
    file: str | None = None
    """Relative to the root of the tree, else the name of its module or library."""
    line: int | None = None


class Profile(Struct, frozen=True, kw_only=True):
    """Folded stacks of one call of a benchmark, counted and not sampled.

    Kept beside the blocks of a comparison, in ``profiles.jsonl``, one a line.
    """

    benchmark: str
    """The `Benchmark.key`."""
    unit: CountedUnit
    frames: list[Frame]
    stacks: list[list[int]]
    """Indices of ``frames``, outermost first; each stack is there once."""
    base: list[float]
    """What each stack counts in its last frame alone, 0 where BASE does not have it."""
    head: list[float]
    left_out: float = 0.0
    """Share of all that is counted which is in stacks too small to be kept."""
