"""A race in a worker: import, prepare, train to the target; then train once more.

The imports of this module count for every backend: none may serve measuring alone.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from contextlib import closing, nullcontext
from math import isfinite, nan
from typing import cast

from perceptron.backends import registry
from perceptron.backends.protocol import Backend, Trainer, Unsupported, distributed, threads_of_each
from perceptron.errors import UserError
from perceptron.measure.job import Race, reason_of, text_of
from perceptron.problems import catalogue
from perceptron.problems.problem import DType
from perceptron.processes.waiting import WaitingMeter
from perceptron.records.race import Check, RaceTimes, Training

Clock = Callable[[], float]
Alive = Callable[[], object]
"""A function that reports that the process is alive, called after each evaluation."""


def raced(job: Race, alive: Alive) -> RaceTimes:
    """Run a race and return its times; any failure becomes the answer."""
    try:
        return race(job, alive)
    except Unsupported as reason:
        return RaceTimes(status="skipped", reason=text_of(reason))
    except Exception as error:  # noqa: BLE001 an error of a backend costs it this row only
        return RaceTimes(status="failed", reason=reason_of(error))


def race(job: Race, alive: Alive, clock: Clock = time.monotonic) -> RaceTimes:
    """Return the time of each part of the setup, and both trainings.

    The first evaluation follows the first iterations: evaluating before them would hide a backend's
    one-time work.
    """
    backend = registry.load(job.backend)
    modules = [str(name) for name in getattr(backend, "imports", ())]
    for name in modules:
        importlib.import_module(name)
    imported = clock()
    problem = catalogue.find(job.problem).with_seed(job.repeat)
    threads = threads_of_each(backend, job.threads)
    problem.parts()
    data = clock()
    # Whether a backend computes with fewer bits was checked before the job was sent.
    trainer = backend.prepare(problem, cast(DType, job.dtype))
    prepared = clock()
    cached = getattr(backend, "prepared_from_cache", None)
    from_cache = None if cached is None else bool(cached())
    iterations = job.epochs * problem.iterations_per_epoch
    fresh = train(job, iterations, backend, trainer, alive, clock)
    # It imports threadpoolctl, and the modules of ranks, which no training needs.
    from perceptron.measure.ranks import assert_threads_of_each

    assert_threads_of_each(backend, threads)
    trainer.reset()
    return RaceTimes(
        import_seconds=imported - job.begun,
        prepare_seconds=prepared - imported,
        data_seconds=data - imported,
        modules=modules,
        prepared_from_cache=from_cache,
        fresh=fresh,
        resident=train(job, iterations, backend, trainer, alive, clock),
    )


def train(
    job: Race, iterations: int, backend: Backend, trainer: Trainer, alive: Alive, clock: Clock
) -> Training:
    """Train until the target is reached or the iterations are over.

    The time of evaluations is not counted.
    """
    checks: list[Check] = []
    seconds, waited = 0.0, 0.0
    # The threads of this process are no evidence for other processes that train with it.
    with nullcontext() if distributed(backend) else closing(WaitingMeter()) as meter:
        for done in range(0, iterations, job.check_iterations):
            step = min(job.check_iterations, iterations - done)
            if meter is not None:
                meter.refresh()
            waited -= _waited(meter)
            begin = clock()
            trainer.train(step)
            seconds += clock() - begin
            waited += _waited(meter)
            score = trainer.evaluate().test
            if score is None:
                raise UserError("the problem has no test set to reach a target on")
            loss = float(score.loss)
            finite_loss = loss if isfinite(loss) else None
            checks.append(Check(done + step, seconds, score.accuracy, finite_loss))
            alive()
            if job.target.is_reached(checks[-1]):
                break
    is_known = seconds > 0 and isfinite(waited)
    return Training(checks=checks, waited=waited / seconds if is_known else None)


def _waited(meter: WaitingMeter | None) -> float:
    """Return the seconds that threads have waited so far; NaN if unknown."""
    seconds = None if meter is None else meter()
    return nan if seconds is None else seconds
