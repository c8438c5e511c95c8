"""What a piece of a study takes, learnt from such pieces in the same run."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from math import log

# Of a piece of a kind that was never seen.
_FIRST_GUESS = 0.25
# Most of a piece that does not change with the work: calibrating, warming up, samples of 10 ms.
# A quiet machine needs 0.1 s for them, which the smallest piece then shows.
_LARGEST_FIXED = 0.25
# Two pieces so far apart in work tell it themselves: a GPU is warmed up for longer, in each.
_FAR_APART = 64.0
# How much of an estimate the newest piece makes up: a neighbour that comes changes all at once.
_NEWEST = 0.5


@dataclass
class _Seen:
    work: float
    seconds: float


class Costs:
    """Seconds of pieces by ``kind``, which is what they are done with, and ``name``."""

    def __init__(self) -> None:
        self._seen: dict[Hashable, dict[Hashable, _Seen]] = {}

    def learn(self, kind: Hashable, name: Hashable, seconds: float, work: float = 1.0) -> None:
        """Keep what a piece took; ``work`` says how large it is."""
        seen = self._seen.setdefault(kind, {})
        before = seen[name].seconds if name in seen else seconds
        seen[name] = _Seen(work, before + _NEWEST * (seconds - before))

    def knows(self, kind: Hashable) -> bool:
        """Return whether any piece of this kind was seen."""
        return kind in self._seen

    def expect(
        self, kind: Hashable, name: Hashable, work: float = 1.0, least: float = 0.0
    ) -> float:
        """Return what a piece will take: as last time, else as the piece of most equal work.

        What has less work takes no longer than what has more: on a GPU most sizes take the same.
        A piece that was not seen is expected to take ``least`` or more.
        """
        seen = self._seen.get(kind)
        if not seen:
            return max(_FIRST_GUESS, least)
        if name in seen:
            return seen[name].seconds
        nearest = min(seen.values(), key=lambda piece: abs(log(work / piece.work)))
        fixed = _fixed(list(seen.values()))
        expected = fixed + (nearest.seconds - fixed) * work / nearest.work
        larger = (piece.seconds for piece in seen.values() if piece.work >= work)
        return max(least, min([expected, *larger]))


def _fixed(seen: list[_Seen]) -> float:
    """Return what does not change with the work, at most the quickest of these pieces."""
    quickest = min(piece.seconds for piece in seen)
    least, most = (pick(seen, key=lambda piece: piece.work) for pick in (min, max))
    line = 0.0
    if most.work >= _FAR_APART * least.work:
        line = (least.seconds * most.work - most.seconds * least.work) / (most.work - least.work)
    return min(quickest, max(_LARGEST_FIXED, line))
