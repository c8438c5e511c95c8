"""Samples of a timed loop, and which of them count: those whose threads had their cores.

A sample is *disturbed* if its threads waited for cores, or the host took the time away. Disturbed
samples are taken again, within a bound. The rule looks at the waiting and never at the time, so
nothing is chosen for being fast: a slow sample that waited for nothing counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from perceptron.waiting import LARGEST_WAITED_SHARE

# Samples are taken again for as long as those that are wanted take, or so long if that is more.
_LEAST_SECONDS = 0.3
# Where so many are disturbed and none is not, shorter samples fit between two of the scheduler's
# turns, which last about 3 ms: samples of 10 ms never did beside a busy process, of those of 2 ms
# half and more. They vary more, so there are twice as many.
_TOO_LONG = 3
_SHORTER = 5
_MORE = 2

Stolen = Callable[[], float | None]
"""CPU seconds that the host has taken so far; None where it is unknown."""


@dataclass(frozen=True)
class Sample:
    """Iterations timed together: seconds of the whole, and of them those that threads waited."""

    iterations: int
    seconds: float
    waited: float | None = None
    """Added up over threads; None where the system does not tell."""

    @property
    def share(self) -> float:
        """Waiting as a share of the time; 0 where it is unknown."""
        return (self.waited or 0.0) / self.seconds if self.seconds > 0 else 0.0

    @property
    def is_disturbed(self) -> bool:
        return self.share > LARGEST_WAITED_SHARE

    @property
    def undisturbed_seconds(self) -> float:
        """What is left of the time without the waiting, a tenth of it at least."""
        return max(0.1 * self.seconds, self.seconds - (self.waited or 0.0))


@dataclass(frozen=True)
class Samples:
    """The samples that count, and those that were dropped, each in the order taken."""

    kept: tuple[Sample, ...]
    dropped: tuple[Sample, ...]
    stolen: float | None
    """CPU seconds that the host took meanwhile; None where it is unknown."""

    @property
    def waited(self) -> float | None:
        """Share of the time of those that count; None where the system does not tell."""
        known = [sample.waited for sample in self.kept if sample.waited is not None]
        seconds = sum(sample.seconds for sample in self.kept)
        if not known or seconds <= 0:
            return None
        return (sum(known) + (self.stolen or 0.0)) / seconds


def take_samples(
    take: Callable[[int], Sample],
    iterations: int,
    wanted: int,
    stolen: Stolen = lambda: None,
    shorten: bool = True,
) -> Samples:
    """Take samples until ``wanted`` are undisturbed or the time for it is over.

    What is missing then comes from the disturbed ones that waited least. ``shorten`` allows shorter
    samples where no long one is undisturbed.
    """
    first = _Taking(take, iterations, wanted, stolen, shorten).all()
    if not _is_stolen(first):
        return first
    # Systems count in steps of 10 ms, so that no single sample can be blamed: all are taken again.
    second = _Taking(take, first.kept[-1].iterations, len(first.kept), stolen, shorten=False).all()
    better, other = (
        (second, first) if _stolen_share(second) < _stolen_share(first) else (first, second)
    )
    return Samples(better.kept, (*first.dropped, *other.kept, *second.dropped), better.stolen)


def _stolen_share(samples: Samples) -> float:
    seconds = sum(sample.seconds for sample in samples.kept)
    return (samples.stolen or 0.0) / seconds if seconds > 0 else 0.0


def _is_stolen(samples: Samples) -> bool:
    return _stolen_share(samples) > LARGEST_WAITED_SHARE


class _Taking:
    """One attempt at the wanted samples."""

    def __init__(
        self,
        take: Callable[[int], Sample],
        iterations: int,
        wanted: int,
        stolen: Stolen,
        shorten: bool,
    ) -> None:
        self._take = take
        self._iterations = iterations
        self._wanted = wanted
        self._stolen = stolen
        self._may_shorten = shorten and iterations > 1
        self._taken: list[Sample] = []
        self._longer: list[Sample] = []

    def all(self) -> Samples:
        before = self._stolen()
        seconds = 0.0
        undisturbed = 0
        while undisturbed < self._wanted:
            if len(self._taken) >= self._wanted and seconds > self._bound():
                break
            sample = self._take(self._iterations)
            self._taken.append(sample)
            seconds += sample.seconds
            undisturbed += not sample.is_disturbed
            enough = len(self._taken) >= _TOO_LONG or seconds > _LEAST_SECONDS
            if self._may_shorten and enough and not undisturbed:
                self._shorten()
                seconds = 0.0
        after = self._stolen()
        kept = _choose(self._taken, self._wanted)
        dropped = [sample for index, sample in enumerate(self._taken) if index not in kept]
        return Samples(
            tuple(self._taken[index] for index in kept),
            (*self._longer, *dropped),
            None if before is None or after is None else after - before,
        )

    def _bound(self) -> float:
        """Return seconds after which nothing is taken again: twice what all of them should take."""
        shortest = min(sample.seconds for sample in self._taken)
        return max(_LEAST_SECONDS, 2 * self._wanted * shortest)

    def _shorten(self) -> None:
        self._longer, self._taken = self._taken, []
        self._iterations = max(1, self._iterations // _SHORTER)
        self._wanted *= _MORE
        self._may_shorten = False


def _choose(samples: Sequence[Sample], wanted: int) -> list[int]:
    """Return the places of those that count: undisturbed ones, then those that waited least."""
    by_waiting = sorted(
        range(len(samples)),
        key=lambda index: samples[index].share if samples[index].is_disturbed else 0.0,
    )
    return sorted(by_waiting[:wanted])
