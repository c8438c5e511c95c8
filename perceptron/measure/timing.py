"""The timed loop: how long one training iteration takes in this process."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import ceil, inf
from typing import Protocol

from perceptron.machine import usable_cores
from perceptron.processes.timed_loop import (
    Sample,
    Samples,
    Take,
    calibrate,
    growth_to,
    lower_quartile,
    take_samples,
    uncollected,
    warm_up,
)
from perceptron.processes.waiting import (
    LARGEST_WAIT_SHARE,
    WaitingMeter,
    stolen_seconds,
    waiting_meter,
)
from perceptron.records.measurement import Timings, largest_waited

Clock = Callable[[], float]
Stolen = Callable[[], float | None]
"""CPU seconds that the host has taken from this machine so far; None if unknown."""

# From this length up a library may run an iteration in several threads.
_THREADED_SECONDS = 1e-4
_WARM_UP_SECONDS = 0.15
# The share of the time for whole trainings that estimating their time may take.
_FORETELLING = 0.05
# Of the time of all cores: a process that had more of it waited for no other process.
_ALL_CORES = 0.95
# Systems count steal time in steps of 10 ms: one step is no evidence for samples of 50 ms.
_LEAST_STOLEN_SECONDS = 0.015


class Repeatable(Protocol):
    """An object that can be timed: a trainer, or another loop; see `protocol.Trainer`."""

    def train(self, iterations: int) -> None:
        """Do this number of iterations, and return when they are done."""

    def reset(self) -> None:
        """Go back to the start."""


@dataclass(frozen=True)
class Effort:
    """The effort of a timing: ``samples`` of at least ``minimum_seconds`` each.

    ``iterations`` fixes the training iterations of a sample instead, to time whole trainings. If
    all samples would take more than ``most_seconds``, fewer are taken, at least one, with fewer
    iterations if necessary.
    """

    samples: int = 5
    minimum_seconds: float = 0.01
    iterations: int | None = None
    most_seconds: float | None = None


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
    ``meter`` counts how long threads waited for cores; None means that of this process.
    """
    with uncollected(), waiting_meter() as of_process:
        meter = meter or of_process
        take = partial(_sample, trainer, clock, meter)
        take_first = partial(_refreshed, take, meter)
        count, shorten = effort.samples, effort.iterations is None
        iterations = effort.iterations
        if iterations is None:
            iterations = calibrate(take_first, effort.minimum_seconds, extra=1).iterations
        tried = iterations
        if effort.iterations is not None and effort.most_seconds is not None:
            iterations, count, tried = _affordable(take, iterations, count, effort.most_seconds)
        warm_up(take_first, tried, _WARM_UP_SECONDS, _is_warm)
        meter.leave_out_idle()
        cores = usable_cores()
        begin, ran, before = clock(), meter.ran_seconds, stolen()
        most = effort.most_seconds or inf
        samples = take_samples(take, iterations, count, shorten=shorten, most_seconds=most)
        wait_share = samples.wait_share
        if wait_share is not None:
            wait_share += _stolen_share(before, stolen(), cores, samples)
        # Over all samples: the run time of a thread is counted in steps of a few milliseconds.
        # Threads that had all cores waited only for each other.
        had_all_cores = meter.ran_seconds - ran >= _ALL_CORES * cores * (clock() - begin)
    if wait_share is not None and had_all_cores:
        wait_share = 0.0
    counted, dropped = (
        [sample.seconds_each for sample in part] for part in (samples.retained, samples.dropped)
    )
    return Timings(
        seconds=lower_quartile(counted),
        samples=counted,
        iterations=samples.retained[-1].iterations,
        waited=wait_share,
        contended=None if wait_share is None else len(dropped),
        dropped=dropped,
    )


def _refreshed(take: Take, meter: WaitingMeter, iterations: int) -> Sample:
    """Take a sample, then look for new threads: libraries start them when there is work."""
    sample = take(iterations)
    meter.refresh()
    return sample


def _affordable(
    take: Take, iterations: int, samples: int, most_seconds: float
) -> tuple[int, int, int]:
    """Return the iterations of a sample, the number of samples, and the iterations to warm up.

    The time of an iteration predicts that of all; more iterations predict it better, but take more
    of ``most_seconds``. Of two tries the faster one counts: the first may import or compile, and
    either may have waited for a core. A training too slow to warm up is warm after these tries.
    """
    tried = 1
    while True:
        seconds = min(take(tried).seconds for _ in range(2))
        seconds_of_all = seconds / tried * iterations
        if (samples + 1) * seconds_of_all <= most_seconds:
            return iterations, samples, iterations
        if seconds >= _FORETELLING * most_seconds or tried >= iterations:
            break
        growth = growth_to(_FORETELLING * most_seconds, seconds)
        tried = min(ceil(tried * growth) + 1, iterations)
    if seconds_of_all <= most_seconds:
        return iterations, min(samples, int(most_seconds / seconds_of_all)), tried
    return max(1, int(iterations * most_seconds / seconds_of_all)), 1, tried


def _is_warm(sample: Sample) -> bool:
    """Return whether every thread has its core by now.

    Threads that were idle first share a core: matrix products and large tensors then take twice
    as long for up to 0.1 s. If the system counts how long threads waited, the first sample that did
    not wait ends the warm-up; times are the same to 0.5% as after 0.15 s, and a row takes half as
    long. Elsewhere the time is fixed. Short iterations run in one thread and skip the wait.
    """
    has_cores = sample.wait_seconds is not None and not sample.is_contended
    return has_cores or sample.seconds_each < _THREADED_SECONDS


def _stolen_share(before: float | None, after: float | None, cores: int, samples: Samples) -> float:
    """Return steal time as a share of all samples' time on the cores; 0 if it is small.

    Threads have no core in steal time either, but it is not known for each sample.
    """
    if before is None or after is None or after - before < _LEAST_STOLEN_SECONDS:
        return 0.0
    seconds = sum(sample.seconds for sample in (*samples.retained, *samples.dropped))
    share = (after - before) / (seconds * cores)
    return share if share > LARGEST_WAIT_SHARE else 0.0


def _sample(trainer: Repeatable, clock: Clock, meter: WaitingMeter, iterations: int) -> Sample:
    """Return a sample of ``iterations`` from the start, with the time that threads waited."""
    trainer.reset()
    before = meter()
    begin = clock()
    trainer.train(iterations)
    elapsed = clock() - begin
    after = meter()
    if elapsed < 0:
        raise RuntimeError(f"the clock went back by {-elapsed:.3g} s during a sample")
    wait_seconds = None if before is None or after is None else after - before
    limit = largest_waited(meter.threads, meter.processes, meter.device)
    return Sample(iterations, elapsed, wait_seconds, limit)
