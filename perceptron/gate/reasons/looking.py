"""A second look at benchmarks on both arms: traced, and profiled under valgrind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from perceptron.gate.counting.asking import PAIR, Asking, Content
from perceptron.gate.counting.valgrind import Valgrind
from perceptron.gate.reasons.dumps import NoDump, in_one_line, read
from perceptron.gate.reasons.growth import Table, Trace
from perceptron.gate.sampling.arms import Arms
from perceptron.gate.sampling.processes import Instrument, Seeds
from perceptron.gate.sampling.sampler import Caches
from perceptron.records.block import Arm, Benchmark

T = TypeVar("T")
Left = Callable[[], float]


class CannotLook(Exception):
    """One benchmark cannot be looked into; the message says why, in one line."""


class Looking:
    """Finds what each benchmark does on BASE and on HEAD, or why nobody knows."""

    def __init__(self, arms: Arms, caches: Caches, seeds: Seeds) -> None:
        self._arms = arms
        self._caches = caches
        self._seeds = seeds

    def trace(
        self, benchmarks: Sequence[Benchmark], left: Left
    ) -> dict[str, tuple[Trace, Trace] | CannotLook]:
        """Return what Python does, as long as there are seconds ``left``.

        Raises as the arms do.
        """

        def traced(_arm: Arm, content: Content) -> Trace:
            try:
                return msgspec.convert(content, type=Trace)
            except msgspec.ValidationError as error:
                raise CannotLook(in_one_line(error)) from None

        return self._look(benchmarks, left, lambda _: Instrument(kind="trace"), traced)

    def profile(
        self, benchmarks: Sequence[Benchmark], left: Left, valgrind: Valgrind
    ) -> dict[str, tuple[Table, Table] | CannotLook]:
        """Return which functions execute instructions, as long as there are seconds ``left``.

        Raises as the arms do.
        """

        def instrument(arm: Arm) -> Instrument:
            return valgrind.instrument(arm, self._arms.work_folder(arm), kind="profile")

        def functions(arm: Arm, content: Content) -> Table:
            try:
                return read(self._arms.work_folder(arm), content)
            except NoDump as error:
                raise CannotLook(str(error)) from None

        return self._look(benchmarks, left, instrument, functions)

    def _look(
        self,
        benchmarks: Sequence[Benchmark],
        left: Left,
        instrument: Callable[[Arm], Instrument],
        convert: Callable[[Arm, Content], T],
    ) -> dict[str, tuple[T, T] | CannotLook]:
        found: dict[str, tuple[T, T] | CannotLook] = {}
        for arm in PAIR:
            failed = self._caches.make(arm, benchmarks, self._seeds, left)
            found |= {key: CannotLook(reading.reason) for key, reading in failed.items()}
        todo = [own for own in benchmarks if own.key not in found]
        asking = Asking(self._arms, self._caches)
        for key, pair in asking.both(todo, self._seeds, instrument, left):
            try:
                base, head = (_converted(arm, pair[arm], convert) for arm in PAIR)
                found[key] = base, head
            except CannotLook as error:
                found[key] = error
        return found


def _converted(arm: Arm, content: Content, convert: Callable[[Arm, Content], T]) -> T:
    """Raise `CannotLook` for what the arm could not tell."""
    try:
        if content.get("status") != "ok":
            raise CannotLook(content.get("reason"))
        return convert(arm, content)
    except CannotLook as error:
        raise CannotLook(f"{arm.upper()}: {error}") from None
