"""The timed loop: how long one training iteration takes in this process."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from typing import Protocol

from perceptron.machine import usable_cores
from perceptron.measure.samples import Sample, Samples, Stolen, take_samples
from perceptron.records.measurement import largest_waited
from perceptron.waiting import stolen_seconds, waiting_meter

Clock = Callable[[], float]

# Calibrating ends with so many samples in a row that are long enough, and warming up takes another.
_ENOUGH, _WARM_UP_SAMPLES = 2, 1
# A sample that turns out shorter than required is repeated with this factor more iterations.
_HEADROOM = 1.2
# Never multiply the iterations by more than this at once: the first call may have been an outlier.
_LARGEST_GROWTH = 100
# From this length up a library may run an iteration in several threads.
_THREADED_SECONDS = 1e-4
_WARM_UP_SECONDS = 0.15
# Of the time of all cores: a process that had more of it had no neighbour to wait for.
_ALL_CORES = 0.95


class Repeatable(Protocol):
    """An object that can be timed: a trainer, or a loop that does less; see `protocol.Trainer`.

    One that says so takes ``least_seconds`` a sample, and not less.
    """

    def train(self, iterations: int) -> None:
        """Do so many iterations, and return when they are done."""

    def reset(self) -> None:
        """Go back to the start."""


class Meter(Protocol):
    """A measure of waiting for a core, as `WaitingMeter` is for this process.

    One of several that train together has their number as ``processes``; one beside an accelerator
    has its kind as ``device``.
    """

    def __call__(self) -> float | None:
        """Return the seconds that all threads together have waited, None where that is unknown."""

    def refresh(self) -> None:
        """Count threads that were started since, too."""

    def leave_out_idle(self) -> None:
        """Read no more what threads wait that have not run since they are known."""

    @property
    def ran_seconds(self) -> float:
        """Seconds that the threads had run at the last call, added up."""

    @property
    def threads(self) -> int:
        """Threads that are read, at least 1."""


@dataclass(frozen=True)
class Effort:
    """The effort of a timing: ``samples`` of at least ``minimum_seconds`` each.

    ``iterations`` fixes the training iterations in a sample instead, to time whole trainings.
    """

    samples: int = 5
    minimum_seconds: float = 0.01
    iterations: int | None = None


@dataclass(frozen=True)
class Timing:
    """Seconds per training iteration, one value for each sample, and the iterations in each."""

    samples: tuple[float, ...]
    iterations: int
    waited: float | None = None
    """Share of the samples' time that threads waited for a core; None if the system cannot tell."""
    dropped: tuple[float, ...] = ()
    """Seconds of samples that do not count, because their threads waited."""

    @property
    def seconds(self) -> float:
        """One robust number: the lower quartile of the samples.

        Noise on a shared machine only ever adds time, so a low quantile repeats better than the
        median (over fresh processes of five bodies it had the smallest or nearly the smallest
        spread of minimum, lower quartile and median), and it does not fall with the number of
        samples as the minimum does.
        """
        if len(self.samples) < 2:
            return self.samples[0]
        return statistics.quantiles(self.samples, n=4, method="inclusive")[0]


def time_training(
    trainer: Repeatable,
    effort: Effort,
    clock: Clock = time.perf_counter,
    meter: Meter | None = None,
    stolen: Stolen = stolen_seconds,
) -> Timing:
    """Time ``trainer.train``, each sample from the start parameters.

    Starting again each time makes the samples do equal work: a training that has saturated, or
    whose values became subnormal, runs at another speed. Nothing but `train` is inside the clock.
    ``meter`` tells how long threads waited for cores; None for that of this process.
    """
    with _no_collection(), waiting_meter() as own:
        loop = _Loop(trainer, clock, meter or own)
        least = max(effort.minimum_seconds, getattr(trainer, "least_seconds", 0.0))
        iterations = effort.iterations or loop.calibrate(least)
        loop.warm_up(iterations)
        loop.meter.leave_out_idle()
        cores = usable_cores()
        begin, ran = clock(), loop.meter.ran_seconds
        samples = take_samples(
            loop.sample,
            iterations,
            effort.samples,
            stolen,
            cores,
            shorten=effort.iterations is None,
        )
        # Over all samples: what a thread has run is counted in steps of a few milliseconds.
        had_all_cores = loop.meter.ran_seconds - ran >= _ALL_CORES * cores * (clock() - begin)
    return _timing(samples, had_all_cores)


def _timing(samples: Samples, had_all_cores: bool) -> Timing:
    """Return the timing; threads that ``had_all_cores`` waited only for each other."""
    waited = samples.waited
    return Timing(
        samples=tuple(sample.seconds / sample.iterations for sample in samples.kept),
        iterations=samples.kept[-1].iterations,
        waited=waited if waited is None or not had_all_cores else 0.0,
        dropped=tuple(sample.seconds / sample.iterations for sample in samples.dropped),
    )


class _Loop:
    """A trainer, called for some iterations at a time."""

    def __init__(self, trainer: Repeatable, clock: Clock, meter: Meter) -> None:
        self._trainer = trainer
        self._clock = clock
        self.meter = meter

    def calibrate(self, minimum_seconds: float) -> int:
        """Return iterations that take at least ``minimum_seconds``; this also warms up.

        Twice in a row: the first call of something may import or compile. What threads waited
        does not count: beside a busy process samples would become shorter.
        """
        iterations, enough = 1, 0
        while True:
            elapsed = self.sample(iterations).uncontended_seconds
            self.meter.refresh()  # libraries start their threads when there is work for them
            enough = enough + 1 if elapsed >= minimum_seconds else 0
            if enough == _ENOUGH:
                return iterations
            if enough == 1:
                continue
            wanted = iterations * minimum_seconds * _HEADROOM / max(elapsed, 1e-9)
            iterations = ceil(min(wanted, iterations * _LARGEST_GROWTH)) + 1

    def warm_up(self, iterations: int) -> None:
        """Train until the system has given every thread a core of its own.

        Threads that were idle first share a core: matrix products and large tensors then take twice
        as long for up to 0.1 s. Where the system tells how long threads waited, that is known to be
        over with the first sample that did not; times are the same to 0.5% as after 0.15 s, and a
        row costs half. Elsewhere the time is fixed. Shorter iterations run in one thread and are
        spared the wait.
        """
        trained = 0.0
        while trained < _WARM_UP_SECONDS:
            sample = self.sample(iterations)
            self.meter.refresh()
            has_cores = sample.waited is not None and not sample.is_contended
            if has_cores or sample.seconds < _THREADED_SECONDS * iterations:
                return
            trained += sample.seconds

    def sample(self, iterations: int) -> Sample:
        """Time some iterations from the start parameters, and how long threads waited meanwhile."""
        self._trainer.reset()
        before = self.meter()
        begin = self._clock()
        self._trainer.train(iterations)
        elapsed = self._clock() - begin
        after = self.meter()
        if elapsed < 0:
            raise ClockError(f"the clock went back by {-elapsed:.3g} s during a sample")
        waited = None if before is None or after is None else after - before
        processes = getattr(self.meter, "processes", 1)
        device = getattr(self.meter, "device", None)
        limit = largest_waited(self.meter.threads, processes, device)
        return Sample(iterations, elapsed, waited, limit)


class ClockError(RuntimeError):
    """The clock went back: nothing measured with it can be trusted."""


@contextmanager
def _no_collection() -> Iterator[None]:
    """Keep Python's garbage collector out of the samples, as timeit does."""
    gc.collect()
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class PerIteration:
    """A clock that counts seconds per training iteration, for bodies of many iterations.

    Harnesses that report what a body took, such as asv, then report iterations.
    """

    def __init__(self, iterations: int, clock: Clock = time.perf_counter) -> None:
        self._iterations = iterations
        self._clock = clock

    def __call__(self) -> float:
        return self._clock() / self._iterations
