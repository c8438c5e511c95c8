"""What did not end while a study ran: it is named, and not begun again in the same start."""

from __future__ import annotations

from perceptron.measure.launch import Abandoned
from perceptron.records.run import Hang

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

    def holds(self, backend: str, problem: str) -> bool:
        """Return whether a backend did not end on the problem of this reference, or not start."""
        return not self._seconds.keys().isdisjoint([(backend, problem), (backend, None)])

    @property
    def all(self) -> list[Hang]:
        """Return them as a run keeps them."""
        return [Hang(*key, seconds) for key, seconds in self._seconds.items()]
