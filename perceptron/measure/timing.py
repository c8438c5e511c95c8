"""The timed loop: how long one training iteration takes in this process."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from math import ceil, inf
from typing import Protocol

from perceptron.machine import usable_cores
from perceptron.measure.samples import Sample, Stolen, Take, take_samples
from perceptron.processes.waiting import WaitingMeter, stolen_seconds, waiting_meter
from perceptron.records.measurement import Timings, largest_waited

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
# Of the time that whole trainings may take, what it takes to know whether they do.
_FORETELLING = 0.05
# Of the time of all cores: a process that had more of it had no neighbour to wait for.
_ALL_CORES = 0.95


class Repeatable(Protocol):
    """An object that can be timed: a trainer, or a loop that does less; see `protocol.Trainer`."""

    def train(self, iterations: int) -> None:
        """Do so many iterations, and return when they are done."""

    def reset(self) -> None:
        """Go back to the start."""


@dataclass(frozen=True)
class Effort:
    """The effort of a timing: ``samples`` of at least ``minimum_seconds`` each.

    ``iterations`` fixes the training iterations in a sample instead, to time whole trainings. Where
    these would take more than ``most_seconds`` together, fewer samples are taken, at last a single
    one of fewer iterations.
    """

    samples: int = 5
    minimum_seconds: float = 0.01
    iterations: int | None = None
    most_seconds: float | None = None


def lower_quartile(samples: Sequence[float]) -> float:
    """Return one robust number for all samples.

    Noise on a shared machine only ever adds time, so a low quantile repeats better than the
    median (over fresh processes of five bodies it had the smallest or nearly the smallest
    spread of minimum, lower quartile and median), and it does not fall with the number of
    samples as the minimum does.
    """
    if len(samples) < 2:
        return samples[0]
    return statistics.quantiles(samples, n=4, method="inclusive")[0]


def time_training(
    trainer: Repeatable,
    effort: Effort,
    clock: Clock = time.perf_counter,
    meter: WaitingMeter | None = None,
    stolen: Stolen = stolen_seconds,
) -> Timings:
    """Time ``trainer.train``, each sample from the start parameters.

    Starting again each time makes the samples do equal work: a training that has saturated, or
    whose values became subnormal, runs at another speed. Nothing but `train` is inside the clock.
    ``meter`` tells how long threads waited for cores; None for that of this process.
    """
    with _no_collection(), waiting_meter() as own:
        meter = meter or own
        take = partial(_sample, trainer, clock, meter)
        wanted, shorten = effort.samples, effort.iterations is None
        iterations = effort.iterations or _calibrated(take, meter, effort.minimum_seconds)
        begun = iterations
        if effort.iterations is not None and effort.most_seconds is not None:
            iterations, wanted, begun = _affordable(take, iterations, wanted, effort.most_seconds)
        _warm_up(take, meter, begun)
        meter.leave_out_idle()
        cores = usable_cores()
        begin, ran = clock(), meter.ran_seconds
        most = effort.most_seconds or inf
        samples = take_samples(take, iterations, wanted, stolen, cores, shorten, most)
        # Over all samples: what a thread has run is counted in steps of a few milliseconds. Threads
        # that had all cores waited only for each other.
        had_all_cores = meter.ran_seconds - ran >= _ALL_CORES * cores * (clock() - begin)
    waited = samples.waited
    if waited is not None and had_all_cores:
        waited = 0.0
    kept, dropped = (
        [sample.seconds / sample.iterations for sample in own]
        for own in (samples.kept, samples.dropped)
    )
    return Timings(
        seconds=lower_quartile(kept),
        samples=kept,
        iterations=samples.kept[-1].iterations,
        waited=waited,
        contended=None if waited is None else len(dropped),
        dropped=dropped,
    )


def _calibrated(take: Take, meter: WaitingMeter, minimum_seconds: float) -> int:
    """Return iterations that take at least ``minimum_seconds``; this also warms up.

    Twice in a row: the first call of something may import or compile. What threads waited does not
    count: beside a busy process samples would become shorter.
    """
    iterations, enough = 1, 0
    while True:
        elapsed = take(iterations).uncontended_seconds
        meter.refresh()  # libraries start their threads when there is work for them
        enough = enough + 1 if elapsed >= minimum_seconds else 0
        if enough == _ENOUGH:
            return iterations
        if enough == 1:
            continue
        wanted = iterations * minimum_seconds * _HEADROOM / max(elapsed, 1e-9)
        iterations = ceil(min(wanted, iterations * _LARGEST_GROWTH)) + 1


def _affordable(
    take: Take, iterations: int, samples: int, most_seconds: float
) -> tuple[int, int, int]:
    """Return iterations of a sample, the samples, and iterations to warm up, for so many seconds.

    One iteration foretells what all take, and more foretell it better, for a part of the time. Of
    two tries the faster one counts: the first may import or compile, and one may have waited for a
    core. They have warmed up what is too slow to be trained once more for that.
    """
    begun = 1
    while True:
        seconds = min(take(begun).seconds for _ in range(2))
        whole = seconds / begun * iterations
        if (samples + 1) * whole <= most_seconds:
            return iterations, samples, iterations
        if seconds >= _FORETELLING * most_seconds or begun >= iterations:
            break
        wanted = begun * _FORETELLING * _HEADROOM * most_seconds / max(seconds, 1e-9)
        begun = min(ceil(min(wanted, begun * _LARGEST_GROWTH)) + 1, iterations)
    if whole <= most_seconds:
        return iterations, min(samples, int(most_seconds / whole)), begun
    return max(1, int(iterations * most_seconds / whole)), 1, begun


def _warm_up(take: Take, meter: WaitingMeter, iterations: int) -> None:
    """Train until the system has given every thread a core of its own.

    Threads that were idle first share a core: matrix products and large tensors then take twice
    as long for up to 0.1 s. Where the system tells how long threads waited, that is known to be
    over with the first sample that did not; times are the same to 0.5% as after 0.15 s, and a
    row costs half. Elsewhere the time is fixed. Shorter iterations run in one thread and are
    spared the wait.
    """
    trained = 0.0
    while trained < _WARM_UP_SECONDS:
        sample = take(iterations)
        meter.refresh()
        has_cores = sample.waited is not None and not sample.is_contended
        if has_cores or sample.seconds < _THREADED_SECONDS * iterations:
            return
        trained += sample.seconds


def _sample(trainer: Repeatable, clock: Clock, meter: WaitingMeter, iterations: int) -> Sample:
    """Time some iterations from the start parameters, and how long threads waited meanwhile."""
    trainer.reset()
    before = meter()
    begin = clock()
    trainer.train(iterations)
    elapsed = clock() - begin
    after = meter()
    if elapsed < 0:
        raise RuntimeError(f"the clock went back by {-elapsed:.3g} s during a sample")
    waited = None if before is None or after is None else after - before
    limit = largest_waited(meter.threads, meter.processes, meter.device)
    return Sample(iterations, elapsed, waited, limit)


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
