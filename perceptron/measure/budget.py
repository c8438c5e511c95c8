"""The time budget of a study, over all its starts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf
from time import monotonic
from typing import Self

from perceptron.processes import this_process
from perceptron.records.run import Hang

Progress = Callable[[float, float, str], None]
"""Shows the progress of a study: the part that is done and the whole, in seconds of its budget or
in pieces, and the current work."""

# A piece that still runs when the budget is over may take this share of it to end.
GRACE = 0.03
# The most that a single piece may take: a piece that hangs must leave time for the rest.
PIECE_SHARE = 0.5
# The most that starting may take: with a cold disk cache a long start is not a hang.
START_SHARE = 0.75
# Seconds that judging, writing the pages and printing take; a share of a small budget.
_ENDING_SECONDS = 5.0
_ENDING_SHARE = 0.1


class Budget:
    """Seconds that a study may take, counted from the start of this object; inf for no limit.

    The last ``ending`` seconds are reserved for the work after measuring.
    """

    def __init__(
        self,
        seconds: float,
        spent: float = 0.0,
        clock: Callable[[], float] | None = None,
        ending: float = 0.0,
    ) -> None:
        self.seconds = seconds
        self._measuring = seconds - ending
        self.cut_short = False
        """Whether the study skipped something for lack of time; the study sets it."""
        self.abandoned: dict[tuple[str, str | None], float] = {}
        """Seconds of each piece that did not end in this start, by the backend and the subject of
        its job; the subject is None if it hung while starting."""
        self._clock = clock or monotonic
        self._piece_ends = inf
        self._began = self._clock() - spent

    @classmethod
    def of_study(cls, seconds: float) -> Self:
        """Return the budget of a study that begins now, or began with its command."""
        spent = 0.0 if this_process.began is None else monotonic() - this_process.began
        return cls(seconds, spent, ending=min(_ENDING_SECONDS, _ENDING_SHARE * seconds))

    @property
    def hangs(self) -> list[Hang]:
        """The pieces that did not end in this start, for the run's record."""
        return [Hang(*key, seconds) for key, seconds in self.abandoned.items()]

    @property
    def spent(self) -> float:
        """Elapsed seconds, earlier starts included."""
        return self._clock() - self._began

    @property
    def left(self) -> float:
        """Seconds until nothing more should begin, at least 0."""
        return max(0.0, self._measuring - self.spent)

    @property
    def is_over(self) -> bool:
        """Whether nothing more should begin."""
        return self.left <= 0

    def until_abandoned(self) -> float:
        """Return the seconds until a running piece is abandoned; negative when they are over."""
        return min(self._measuring * (1 + GRACE), self._piece_ends) - self.spent

    def of_share(self, share: float) -> float:
        """Return the seconds of a share of the budget."""
        return share * self._measuring

    @property
    def longest_piece(self) -> float:
        """Seconds that a single piece may take."""
        return PIECE_SHARE * self._measuring

    @property
    def longest_start(self) -> float:
        """Seconds that starting processes may take."""
        return START_SHARE * self._measuring

    @contextmanager
    def piece(self, seconds: float) -> Iterator[None]:
        """Abandon the block after ``seconds``, or when the budget is over."""
        self._piece_ends = self.spent + min(seconds, self.until_abandoned())
        try:
            yield
        finally:
            self._piece_ends = inf

    def resume(self, spent: float) -> None:
        """Count the seconds of earlier starts, ``spent``."""
        self._began -= spent

    @contextmanager
    def not_counted(self) -> Iterator[None]:
        """Stop counting in the block, such as a wait that the user requested."""
        begin = self._clock()
        try:
            yield
        finally:
            self._began += self._clock() - begin
