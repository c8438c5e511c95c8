"""Search the commit with which a benchmark's work changed, for several benchmarks at once."""

from __future__ import annotations

from collections.abc import Sequence
from math import log

# Nearer than this share of the change to BASE's or HEAD's work is one of these.
_TOLERANCE = 0.25


class Hunt:
    """One benchmark's search over steps 1 to ``last``; BASE is 0 and HEAD the last.

    A step is old or new, by which of BASE's and HEAD's instructions it executes about as many as.
    """

    def __init__(self, base: float, head: float, last: int) -> None:
        self._base, self._head = log(base), log(head)
        self._old: set[int] = {0}
        self._new: set[int] = {last}
        self._unknown: set[int] = set()
        self.partly = False
        """Whether a step was between old and new, or beyond them."""

    def record(self, step: int, instructions: float | None) -> None:
        """Take note of what a step executes; None where it does not run."""
        if step in self._old or step in self._new:
            return
        if instructions is None:
            self._unknown.add(step)
            return
        share = (log(instructions) - self._base) / (self._head - self._base)
        self.partly = self.partly or min(abs(share), abs(1 - share)) > _TOLERANCE
        (self._new if share > 0.5 else self._old).add(step)

    @property
    def irregular(self) -> bool:
        """Whether its work changed more than once, and back."""
        return max(self._old) > min(self._new)

    @property
    def bounds(self) -> tuple[int, int]:
        """The last step that is old before the first that is new, and that one."""
        new = min(self._new)
        return max(step for step in self._old if step < new), new

    @property
    def candidates(self) -> list[int]:
        """Steps that may still tell more; none once the search has ended."""
        if self.irregular:
            return []
        old, new = self.bounds
        return [step for step in range(old + 1, new) if step not in self._unknown]

    @property
    def found(self) -> int | None:
        """The step with which it changed."""
        old, new = self.bounds
        return new if new == old + 1 and not self.irregular else None


def next_steps(hunts: Sequence[Hunt]) -> tuple[int, int] | None:
    """Return the two steps to count next; None once every search has ended.

    They cut the widest search into three; where that needs one step alone, another search has the
    other.
    """
    widest = sorted((hunt for hunt in hunts if hunt.candidates), key=lambda own: -_width(own))
    if not widest:
        return None
    first, *others = widest
    low, high = first.bounds
    chosen = {_nearest(first.candidates, low + (high - low) * third / 3) for third in (1, 2)}
    for hunt in others:
        if len(chosen) < 2:
            chosen.add(_nearest(hunt.candidates, sum(hunt.bounds) / 2))
    return min(chosen), max(chosen)


def _width(hunt: Hunt) -> int:
    low, high = hunt.bounds
    return high - low


def _nearest(steps: Sequence[int], place: float) -> int:
    return min(steps, key=lambda step: abs(step - place))
