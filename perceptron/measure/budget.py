"""The seconds that a study may take, spent by one start after another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf
from time import monotonic
from typing import Self

from perceptron import command_start
from perceptron.measure.launch import Abandoned
from perceptron.records.run import BudgetUse, Hang

Progress = Callable[[float, float, str], None]
"""How far a study is, for whoever shows it: what is done and the whole, in seconds of its budget or
in pieces, and what is being done."""

# What takes so many times what was expected hangs, or may as well; a busy neighbour slows less.
_LONGER_THAN_EXPECTED = 10.0
_LEAST_SECONDS = 1.0


class Hangs:
    """Backends and what they were at when they were abandoned, with the seconds they were given."""

    def __init__(self) -> None:
        self._seconds: dict[tuple[str, str | None], float] = {}

    def __bool__(self) -> bool:
        return bool(self._seconds)

    def note(self, abandoned: Abandoned, seconds: float, expected: float) -> None:
        """Keep what was abandoned after so long, unless it was merely begun late."""
        if seconds >= max(_LEAST_SECONDS, _LONGER_THAN_EXPECTED * expected):
            self.keep(abandoned, seconds)

    def keep(self, abandoned: Abandoned, seconds: float) -> None:
        """Keep what was abandoned though there was time."""
        self._seconds[abandoned.backend, abandoned.problem] = seconds

    def holds(self, backend: str, subject: str) -> bool:
        """Return whether a backend did not end with this subject, or not start."""
        return not self._seconds.keys().isdisjoint([(backend, subject), (backend, None)])

    @property
    def all(self) -> list[Hang]:
        """Return them as a run keeps them."""
        return [Hang(*key, seconds) for key, seconds in self._seconds.items()]


# What is still running when the budget is over may take this share of it to end.
GRACE = 0.03
# Of what a study or a part of it has, the most that a single piece may take: what hangs must leave
# time for the rest.
PIECE_SHARE = 0.5
# Of what is left of it, for starting: with a cold disk cache that takes long without being a hang.
START_SHARE = 0.75
# Seconds that judging, writing the pages and printing take; of a small budget, a share.
_ENDING_SECONDS = 5.0
_ENDING_SHARE = 0.1


class Budget:
    """Seconds that a study may take, counted from when this is made; inf for no end.

    Of those the ``ending`` is kept for what follows the measuring. Of a ``whole`` it is a part,
    which never reaches beyond that.
    """

    def __init__(
        self,
        seconds: float,
        spent: float = 0.0,
        clock: Callable[[], float] | None = None,
        whole: Budget | None = None,
        ending: float = 0.0,
    ) -> None:
        self.seconds = seconds
        self._measuring = seconds - ending
        self.cut_short = False
        """Whether something was left out for lack of time; the study says so."""
        self.hangs: Hangs = whole.hangs if whole else Hangs()
        """What did not end in this start."""
        self._clock = clock or monotonic
        self._whole = whole
        self._piece_ends = inf
        self._began = self._clock() - spent

    @classmethod
    def of_study(cls, seconds: float) -> Self:
        """Return that of a study which begins now, or began with the command that asks for it."""
        spent = 0.0 if command_start.began is None else monotonic() - command_start.began
        return cls(seconds, spent, ending=min(_ENDING_SECONDS, _ENDING_SHARE * seconds))

    @property
    def spent(self) -> float:
        """Seconds that are gone, those of earlier starts included."""
        return self._clock() - self._began

    @property
    def left(self) -> float:
        """Seconds until nothing more should begin, at least 0."""
        own = max(0.0, self._measuring - self.spent)
        return min(own, self._whole.left) if self._whole else own

    @property
    def is_over(self) -> bool:
        """Whether nothing more should begin."""
        return self.left <= 0

    @property
    def whole(self) -> Budget:
        """What this is a part of, in the end."""
        return self._whole.whole if self._whole else self

    @property
    def use(self) -> BudgetUse:
        """The budget and the seconds spent, to be shown."""
        return BudgetUse(seconds=self.seconds, spent_seconds=self.spent)

    def until_abandoned(self) -> float:
        """Return the seconds until what still runs is abandoned; below 0 if it should have been."""
        own = min(self._measuring * (1 + GRACE), self._piece_ends) - self.spent
        return min(own, self._whole.until_abandoned()) if self._whole else own

    @property
    def longest_piece(self) -> float:
        """Seconds that a single piece may take."""
        return PIECE_SHARE * self._measuring

    @property
    def longest_start(self) -> float:
        """Seconds that starting processes may take, from now on."""
        return START_SHARE * self.left

    @contextmanager
    def piece(self, seconds: float) -> Iterator[None]:
        """Abandon what is done inside once it took so long, or when this is over.

        Also where it is asked of the whole how long `until_abandoned`.
        """
        whole, before = self.whole, self.whole._piece_ends
        whole._piece_ends = min(before, whole.spent + min(seconds, self.until_abandoned()))
        try:
            yield
        finally:
            whole._piece_ends = before

    def resume(self, spent: float) -> None:
        """Count what earlier starts have spent."""
        self._began -= spent

    def part(self, share: float) -> Self:
        """Return a share of what is left, from now on; what it leaves is there for others."""
        return type(self)(
            share * self.left if self.left < inf else inf, clock=self._clock, whole=self
        )

    @contextmanager
    def not_counted(self) -> Iterator[None]:
        """Count nothing of the time inside, such as a wait that the user asked for."""
        begin = self._clock()
        try:
            yield
        finally:
            self._began += self._clock() - begin
