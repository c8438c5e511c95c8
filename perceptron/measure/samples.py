"""Samples of a timed loop, and which of them count: those whose threads had their cores.

A sample is *contended* if its threads waited for cores, or the host took the time away. Contended
samples are taken again, within a bound. The rule looks at the waiting and never at the time, so
nothing is chosen for being fast: a slow sample that waited for nothing counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import inf

from perceptron.processes.waiting import LARGEST_WAITED_SHARE

# Samples are taken again for as long as those that are wanted take, or so long if that is more.
_LEAST_SECONDS = 0.3
# Beside a busy process more of them are contended, and it takes longer to find enough that are not.
# Nothing is taken again for longer than this, and only as long as those found foretell the others.
_MOST_SECONDS = 2.0
# Where so many are contended and none is not, shorter samples fit between two of the scheduler's
# turns, which last about 3 ms: samples of 10 ms never did beside a busy process, of those of 2 ms
# half and more. Joined, so many of them are a sample of the length that was asked for: the lower
# quartile of short samples would lie lower wherever a body varies by itself.
_TOO_LONG = 3
_PIECES = 5
# Beside ten busy processes 62% of pieces of 1 ms of one thread were uncontended, and few of 3 ms.
# Still shorter ones would show what begins a sample: those of 0.05 ms took 1.5 times as long.
_SHORTEST_PIECE = 1e-3

Stolen = Callable[[], float | None]
"""CPU seconds that the host has taken so far; None where it is unknown."""
# Systems count what was stolen in steps of 10 ms: one says nothing about samples of 50 ms.
_LEAST_STOLEN_SECONDS = 0.015


@dataclass(frozen=True)
class Sample:
    """Iterations timed together: seconds of the whole, and of them those that threads waited."""

    iterations: int
    seconds: float
    waited: float | None = None
    """Added up over threads; None where the system does not tell."""
    limit: float = LARGEST_WAITED_SHARE
    """The share from which on it is contended."""

    @property
    def share(self) -> float:
        """Waiting as a share of the time; 0 where it is unknown."""
        return (self.waited or 0.0) / self.seconds if self.seconds > 0 else 0.0

    @property
    def is_contended(self) -> bool:
        return self.share > self.limit

    @property
    def uncontended_seconds(self) -> float:
        """A contended time less its waiting, but at least a tenth of it."""
        if not self.is_contended:
            return self.seconds
        return max(0.1 * self.seconds, self.seconds - (self.waited or 0.0))


@dataclass(frozen=True)
class Samples:
    """The samples that count, and those that were dropped, each in the order taken."""

    kept: tuple[Sample, ...]
    dropped: tuple[Sample, ...]
    stolen: float = 0.0
    """The share of the machine's time meanwhile that the host took, if that was much, else 0."""

    @property
    def waited(self) -> float | None:
        """Share of the time of those that count; None where the system does not tell.

        What the host took is time without a core, too, and cannot be told sample by sample.
        """
        known = [sample.waited for sample in self.kept if sample.waited is not None]
        seconds = sum(sample.seconds for sample in self.kept)
        return sum(known) / seconds + self.stolen if known and seconds > 0 else None


Take = Callable[[int], Sample]
"""Times so many iterations."""


def take_samples(
    take: Take,
    iterations: int,
    wanted: int,
    stolen: Stolen = lambda: None,
    cores: int = 1,
    shorten: bool = True,
    most_seconds: float = inf,
) -> Samples:
    """Take samples until ``wanted`` are uncontended or the time for it is over.

    Then the uncontended ones count, if they are half of those wanted or more; else as many as that,
    of those that waited least. ``shorten`` allows to put samples together from shorter ones where
    no long one is uncontended. Steal time of the ``cores`` meanwhile counts as waiting. After
    ``most_seconds`` no other sample is begun.
    """
    before = stolen()
    longer: list[Sample] = []
    got, spent = _Taken(wanted, pieces=1), 0.0
    while not got.is_over and (spent == 0 or spent < most_seconds):
        got.add(take(iterations))
        spent += got.samples[-1].seconds
        shorter = got.shorter(iterations) if shorten else iterations
        if shorter < iterations:
            longer += got.samples
            got = _Taken(wanted, got.pieces * (iterations // shorter))
            iterations = shorter
    taken = got.samples
    chosen, joined = _choose(taken, wanted, got.pieces)
    counted = set(chosen)
    dropped = [sample for index, sample in enumerate(taken) if index not in counted]
    elapsed = sum(sample.seconds for sample in (*longer, *taken))
    after, share = stolen(), 0.0
    if before is not None and after is not None and after - before >= _LEAST_STOLEN_SECONDS:
        share = (after - before) / (elapsed * cores)
    return Samples(
        tuple(_joined([taken[index] for index in chosen], joined)),
        (*longer, *dropped),
        share if share > LARGEST_WAITED_SHARE else 0.0,
    )


class _Taken:
    """Samples of one length, of which so many ``pieces`` each are one of those ``wanted``."""

    def __init__(self, wanted: int, pieces: int) -> None:
        self.samples: list[Sample] = []
        self.pieces = pieces
        self._wanted, self._enough = wanted * pieces, _enough(wanted) * pieces
        self._least = wanted if pieces == 1 else _enough(wanted)
        self._seconds, self._uncontended = 0.0, 0
        self._shortest = inf  # of those that are uncontended

    def add(self, sample: Sample) -> None:
        """Add one."""
        self.samples.append(sample)
        self._seconds += sample.seconds
        if not sample.is_contended:
            self._uncontended += 1
            self._shortest = min(self._shortest, sample.seconds)

    @property
    def is_over(self) -> bool:
        """Whether no more are to be taken."""
        if self._uncontended >= self._wanted:
            return True
        if len(self.samples) < self._least or self._seconds <= _LEAST_SECONDS:
            return False
        if not self._uncontended:
            return True
        expected = 2 * self._wanted * self._shortest
        if self._uncontended >= self._enough:
            return self._seconds > expected
        foretold = self._seconds * self._enough / self._uncontended
        return foretold > max(_MOST_SECONDS, expected)

    def shorter(self, iterations: int) -> int:
        """Return of how many iterations samples should be: of fewer if too many are contended.

        That is all of the first few, or so many that there is no time for enough others.
        """
        if self._uncontended:
            if self._uncontended >= self._enough or not self.is_over:
                return iterations
        elif len(self.samples) < _TOO_LONG and self._seconds <= _LEAST_SECONDS:
            return iterations
        if self.pieces == 1:
            return max(1, iterations // _PIECES)
        shortest = min(sample.uncontended_seconds for sample in self.samples)
        return max(1, iterations // max(1, round(shortest / _SHORTEST_PIECE)))


def _enough(wanted: int) -> int:
    """Return how many uncontended samples will do."""
    return (wanted + 1) // 2


def _choose(samples: Sequence[Sample], wanted: int, pieces: int) -> tuple[list[int], int]:
    """Return the places of those that count, in order, and how many of them are joined to one.

    Fewer than ``pieces`` where the time was over before there were whole samples.
    """
    uncontended = [index for index, sample in enumerate(samples) if not sample.is_contended]
    enough = _enough(wanted)
    whole = min(wanted, len(uncontended) // pieces)
    if whole >= enough:
        return uncontended[: whole * pieces], pieces
    joined = max(1, min(pieces, len(samples) // enough))
    by_waiting = sorted(range(len(samples)), key=lambda index: samples[index].share)
    return sorted(by_waiting[: enough * joined]), joined


def _joined(samples: Sequence[Sample], pieces: int) -> Iterator[Sample]:
    """Yield a sample for each so many that follow each other."""
    for first in range(0, len(samples), pieces):
        group = samples[first : first + pieces]
        known = [sample.waited for sample in group if sample.waited is not None]
        yield Sample(
            iterations=sum(sample.iterations for sample in group),
            seconds=sum(sample.seconds for sample in group),
            waited=sum(known) if known else None,
            limit=group[0].limit,
        )
