"""Samples of a timed loop, and which of them count: those whose threads had their cores.

A sample is *contended* if its threads waited for cores, or the host took the time away. Contended
samples are taken again, within a bound. The rule looks at the waiting and never at the time, so
nothing is chosen for being fast: a slow sample that waited for nothing counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from perceptron.waiting import LARGEST_WAITED_SHARE

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
) -> Samples:
    """Take samples until ``wanted`` are uncontended or the time for it is over.

    Then the uncontended ones count, if they are half of those wanted or more; else as many as that,
    of those that waited least. ``shorten`` allows to put samples together from shorter ones where
    no long one is uncontended. Steal time of the ``cores`` meanwhile counts as waiting.
    """
    before = stolen()
    longer: list[Sample] = []
    taken: list[Sample] = []
    pieces = 1
    while not _is_over(taken, wanted, pieces):
        taken.append(take(iterations))
        shorter = _shorter(taken, iterations, wanted, pieces) if shorten else iterations
        if shorter < iterations:
            longer, taken = [*longer, *taken], []
            pieces *= iterations // shorter
            iterations = shorter
    chosen, joined = _choose(taken, wanted, pieces)
    dropped = [sample for index, sample in enumerate(taken) if index not in set(chosen)]
    elapsed = sum(sample.seconds for sample in (*longer, *taken))
    after, share = stolen(), 0.0
    if before is not None and after is not None and after - before >= _LEAST_STOLEN_SECONDS:
        share = (after - before) / (elapsed * cores)
    return Samples(
        tuple(_joined([taken[index] for index in chosen], joined)),
        (*longer, *dropped),
        share if share > LARGEST_WAITED_SHARE else 0.0,
    )


def _is_over(taken: Sequence[Sample], wanted: int, pieces: int) -> bool:
    """Return whether no more samples of so many ``pieces`` each are to be taken."""
    uncontended = [sample.seconds for sample in taken if not sample.is_contended]
    if len(uncontended) >= wanted * pieces:
        return True
    enough = _enough(wanted)
    if len(taken) < (wanted if pieces == 1 else enough):
        return False
    seconds = sum(sample.seconds for sample in taken)
    if not uncontended:
        return seconds > _LEAST_SECONDS
    expected = 2 * wanted * pieces * min(uncontended)
    if len(uncontended) >= enough * pieces:
        return seconds > max(_LEAST_SECONDS, expected)
    foretold = seconds * enough * pieces / len(uncontended)
    return seconds > _LEAST_SECONDS and foretold > max(_MOST_SECONDS, expected)


def _shorter(taken: Sequence[Sample], iterations: int, wanted: int, pieces: int) -> int:
    """Return of how many iterations samples should be: of fewer where too many are contended.

    That is all of the first few, or so many that there is no time for enough others.
    """
    uncontended = sum(not sample.is_contended for sample in taken)
    if uncontended:
        if uncontended >= _enough(wanted) * pieces or not _is_over(taken, wanted, pieces):
            return iterations
    elif len(taken) < _TOO_LONG and sum(sample.seconds for sample in taken) <= _LEAST_SECONDS:
        return iterations
    if pieces == 1:
        return max(1, iterations // _PIECES)
    shortest = min(sample.uncontended_seconds for sample in taken)
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
    joined = min(pieces, len(samples) // enough)
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
