"""The rules of a timed loop: calibrate, warm up, take samples, and choose those that count.

Standard library only, from Python 3.9 up: the gate's program uses this module too, in the Python of
the project that it measures.

A sample is *contended* if its threads waited for cores. Contended samples are taken again, within a
bound. The rule depends on the waiting and never on the time, so no sample is chosen for being fast:
a slow sample that did not wait counts.
"""

from __future__ import annotations

import gc
import statistics
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import ceil, inf
from typing import NamedTuple

from .waiting import LARGEST_WAIT_SHARE

# Calibrating ends with this many samples in a row that are long enough.
_ENOUGH = 2
# A sample shorter than required is repeated with more iterations than needed, by this factor.
_HEADROOM = 1.2
# Never multiply the iterations by more than this at once: the first call may have been an outlier.
_LARGEST_GROWTH = 100
# At least this share of a sample's time with its setups counts as the time of its iterations.
_OF_THE_WHOLE = 0.1

# Samples are taken again for as long as all wanted samples take, or for this time if it is longer.
_LEAST_SECONDS = 0.3
# Beside a busy process more samples are contended, and it takes longer to get enough others.
# No sample is taken again if enough would take longer than this, at the rate so far.
_MOST_SECONDS = 2.0
# If the first _TOO_LONG samples are all contended, shorter ones fit into a time slice of the
# scheduler, about 3 ms: samples of 10 ms never did beside a busy process, half and more of those of
# 2 ms did. _PIECES of them are joined to a sample of the required length: the lower quartile of
# short samples would be lower wherever a body varies by itself.
_TOO_LONG = 3
_PIECES = 5
# Beside ten busy processes 62% of pieces of 1 ms of one thread were uncontended, and few of 3 ms.
# Even shorter pieces would show the overhead of a sample: those of 0.05 ms took 1.5 times as long.
_SHORTEST_PIECE = 1e-3


class Sample(NamedTuple):
    """Iterations timed together, and how long threads waited for cores meanwhile."""

    iterations: int
    seconds: float
    """Wall time without setups."""
    wait_seconds: float | None = None
    """Seconds, summed over threads; None if the system does not count them."""
    limit: float = LARGEST_WAIT_SHARE
    """The share of waiting above which it is contended."""
    reported: float | None = None
    """Seconds by the benchmark's timer; None if it has none."""
    setup: float = 0.0
    """Seconds of the setups between iterations."""

    @property
    def seconds_each(self) -> float:
        """Seconds of an iteration."""
        return (self.seconds if self.reported is None else self.reported) / self.iterations

    @property
    def whole_seconds(self) -> float:
        """Wall time with setups."""
        return self.seconds + self.setup

    @property
    def share(self) -> float:
        """Waiting as a share of the time; 0 if unknown."""
        return (self.wait_seconds or 0.0) / self.seconds if self.seconds > 0 else 0.0

    @property
    def is_contended(self) -> bool:
        return self.share > self.limit

    @property
    def uncontended_seconds(self) -> float:
        """The seconds; if contended, less the waiting, but at least a tenth of them."""
        if not self.is_contended:
            return self.seconds
        return max(0.1 * self.seconds, self.seconds - (self.wait_seconds or 0.0))


class Samples(NamedTuple):
    """The samples that count and the dropped samples, each in the order taken."""

    retained: tuple[Sample, ...]
    dropped: tuple[Sample, ...]

    @property
    def wait_share(self) -> float | None:
        """Share of waiting in the time of the samples that count; None if unknown."""
        waits = [sample.wait_seconds for sample in self.retained if sample.wait_seconds is not None]
        seconds = sum(sample.seconds for sample in self.retained)
        return sum(waits) / seconds if waits and seconds > 0 else None


Take = Callable[[int], Sample]
"""A function that times a number of iterations, or a few more."""


def lower_quartile(samples: Sequence[float]) -> float:
    """Return the lower quartile, a robust estimate of the time of samples.

    Noise on a shared machine only ever adds time, so a low quantile repeats better than the
    median (over fresh processes of five bodies it had the smallest or nearly the smallest
    spread of minimum, lower quartile and median), and unlike the minimum it does not fall with
    the number of samples.
    """
    if len(samples) < 2:
        return samples[0]
    return statistics.quantiles(samples, n=4, method="inclusive")[0]


@contextmanager
def uncollected() -> Iterator[None]:
    """Disable garbage collection in the block, as timeit does."""
    enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def calibrate(take: Take, minimum_seconds: float, extra: int = 0, longest: float = inf) -> Sample:
    """Return a sample that takes at least ``minimum_seconds``; this also warms up.

    It is the second in a row that is long enough: the first call of a function may import or
    compile. The time that threads waited does not count: beside a busy process samples would become
    shorter. The sample has ``extra`` iterations more than the seconds need, and as many more as
    ``take`` adds. A sample that takes ten times the seconds with its setups is long enough, and
    iterations are at most doubled if a sample would take ``longest``.
    """
    iterations, enough = 1, 0
    while True:
        sample = take(iterations)
        seconds, whole = sample.uncontended_seconds, sample.whole_seconds
        is_enough = max(seconds, _OF_THE_WHOLE * whole) >= minimum_seconds
        enough = enough + 1 if is_enough else 0
        if enough == _ENOUGH:
            return sample
        if enough == 0:
            most = max(2.0, longest / max(whole, 1e-9))
            growth = min(growth_to(minimum_seconds, seconds), most)
            iterations = ceil(sample.iterations * growth) + extra


def growth_to(wanted: float, seconds: float) -> float:
    """Return the factor of iterations to take ``wanted`` seconds instead of ``seconds``."""
    return min(_LARGEST_GROWTH, _HEADROOM * wanted / max(seconds, 1e-9))


def warm_up(
    take: Take,
    iterations: int,
    seconds: float,
    is_warm: Callable[[Sample], bool] = lambda sample: False,
) -> None:
    """Take samples that do not count, at least one: for ``seconds``, or until ``is_warm``."""
    spent = 0.0
    while True:
        sample = take(iterations)
        spent += sample.whole_seconds
        if spent >= seconds or is_warm(sample):
            return


class Taken:
    """Samples of the same length; ``pieces`` of them are joined to a sample.

    ``wanted`` and ``enough`` count joined, uncontended samples.
    """

    def __init__(self, wanted: int, enough: int, pieces: int = 1) -> None:
        self.samples: list[Sample] = []
        self.uncontended = 0
        self.pieces, self.wanted, self.enough = pieces, wanted * pieces, enough * pieces
        self._least = wanted if pieces == 1 else enough
        self._seconds = 0.0
        self._shortest = inf  # of the uncontended samples

    def add(self, sample: Sample) -> None:
        """Add a sample."""
        self.samples.append(sample)
        self._seconds += sample.seconds
        if not sample.is_contended:
            self.uncontended += 1
            self._shortest = min(self._shortest, sample.seconds)

    def is_over(self) -> bool:
        """Return whether there are enough samples, or no time for more."""
        if self.uncontended >= self.wanted:
            return True
        if len(self.samples) < self._least or self._seconds <= _LEAST_SECONDS:
            return False
        if not self.uncontended:
            return True
        expected = 2 * self.wanted * self._shortest
        if self.uncontended >= self.enough:
            return self._seconds > expected
        foretold = self._seconds * self.enough / self.uncontended
        return foretold > max(_MOST_SECONDS, expected)

    def shorter(self, iterations: int) -> int:
        """Return the iterations of the next samples: fewer if too many samples are contended.

        Too many are all of the first few, or a share for which the time does not suffice.
        """
        if self.uncontended:
            if self.uncontended >= self.enough or not self.is_over():
                return iterations
        elif len(self.samples) < _TOO_LONG and self._seconds <= _LEAST_SECONDS:
            return iterations
        if self.pieces == 1:
            return max(1, iterations // _PIECES)
        shortest = min(sample.uncontended_seconds for sample in self.samples)
        return max(1, iterations // max(1, round(shortest / _SHORTEST_PIECE)))


def take_samples(
    take: Take,
    iterations: int,
    wanted: int,
    enough: int | None = None,
    shorten: bool = True,
    most_seconds: float = inf,
    is_over: Callable[[Taken], bool] = Taken.is_over,
) -> Samples:
    """Take samples until ``wanted`` are uncontended or ``is_over`` returns True.

    The uncontended samples count, if there are ``enough``, by default half of ``wanted``; else the
    ``enough`` samples that waited least. ``shorten`` allows joining shorter samples if no long one
    is uncontended. After ``most_seconds`` no other sample is begun.
    """
    enough = enough or (wanted + 1) // 2
    longer: list[Sample] = []
    got, spent = Taken(wanted, enough), 0.0
    while not is_over(got) and (spent == 0 or spent < most_seconds):
        got.add(take(iterations))
        spent += got.samples[-1].seconds
        shorter = got.shorter(iterations) if shorten else iterations
        if shorter < iterations:
            longer += got.samples
            got = Taken(wanted, enough, got.pieces * (iterations // shorter))
            iterations = shorter
    taken = got.samples
    chosen, joined = _choose(taken, wanted, enough, got.pieces)
    counted = set(chosen)
    dropped = [sample for index, sample in enumerate(taken) if index not in counted]
    selected = [taken[index] for index in chosen]
    return Samples(tuple(_joined(selected, joined)), (*longer, *dropped))


def _choose(
    samples: Sequence[Sample], wanted: int, enough: int, pieces: int
) -> tuple[list[int], int]:
    """Return the ascending indices of the samples that count, and the number to join to each.

    That is less than ``pieces`` if the time was over before there were ``enough``.
    """
    uncontended = [index for index, sample in enumerate(samples) if not sample.is_contended]
    whole = min(wanted, len(uncontended) // pieces)
    if whole >= enough:
        return uncontended[: whole * pieces], pieces
    joined = max(1, min(pieces, len(samples) // enough))
    by_waiting = sorted(range(len(samples)), key=lambda index: samples[index].share)
    return sorted(by_waiting[: enough * joined]), joined


def _joined(samples: Sequence[Sample], pieces: int) -> Iterator[Sample]:
    """Join each ``pieces`` consecutive samples to one, and yield it."""
    for first in range(0, len(samples), pieces):
        group = samples[first : first + pieces]
        waits = [sample.wait_seconds for sample in group if sample.wait_seconds is not None]
        yield group[0]._replace(
            iterations=sum(sample.iterations for sample in group),
            seconds=sum(sample.seconds for sample in group),
            wait_seconds=sum(waits) if waits else None,
        )
