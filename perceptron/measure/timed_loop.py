"""Loops that are no training, timed as if they were one, and what they become."""

from __future__ import annotations

from collections.abc import Callable

from perceptron.measure.job import Part, timed
from perceptron.measure.timing import Timing


class TimedLoop:
    """A loop as something to time."""

    def __init__(self, loop: Callable[[int], None], reset: Callable[[], None] | None = None):
        self.train = loop
        self._reset = reset

    def reset(self) -> None:
        if self._reset is not None:
            self._reset()


def repeat(work: Callable[[], object]) -> Callable[[int], None]:
    """Return a loop that does this work again and again."""

    def loop(iterations: int) -> None:
        for _ in range(iterations):
            work()

    return loop


def part(name: str, work: float, timing: Timing) -> Part:
    """Return a piece of an extra: so much ``work`` an iteration, in the time of an iteration."""
    return Part(name=name, work=work, **timed(timing))


def once(name: str, seconds: float) -> Part:
    """Return a piece that happens once in a process, and so has one sample."""
    return Part(name=name, work=1.0, seconds=seconds, samples=[seconds], iterations=1)
