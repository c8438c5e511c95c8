"""scikit-learn's ``fit``, in the worker that times it."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from math import ceil
from typing import Any

from perceptron.errors import UserError
from perceptron.measure.job import Estimator, reason_of
from perceptron.measure.memory import keep_freed_memory
from perceptron.measure.timing import Clock, Effort, time_training
from perceptron.problems import catalogue
from perceptron.problems.problem import Problem, classes_of
from perceptron.records.measurement import Timings

# A fit of more epochs takes this many times as long as a fit of one epoch, so that their difference
# is far larger than the error of either.
_TIMES_ONE_EPOCH = 2.5
# Never multiply the epochs by more than this at once: the first fit imports and allocates.
_LARGEST_GROWTH = 30
# A process that kept the fits of one epoch waiting may have ended by the next try.
_TRIES = 3

Fit = Callable[[int], object]
"""A function that fits once, for a number of epochs."""


def answer(job: Estimator, is_first: bool) -> Timings:
    """Time an estimator; return a failed row if it raises an error."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that so few epochs have not converged
            return _answer(job, is_first)
    except Exception as error:  # noqa: BLE001 other people's code may raise anything
        return Timings(status="failed", reason=reason_of(error))


def _answer(job: Estimator, is_first: bool) -> Timings:
    import sklearn.neural_network

    if is_first:
        keep_freed_memory()
    kind = getattr(sklearn.neural_network, job.estimator)
    if is_first:
        fit_of(kind, job.parameters, catalogue.find("or-gate"), "float64")(1)
    if job.step == "start":
        return Timings()
    problem = catalogue.find(job.problem)
    fit = fit_of(kind, job.parameters, problem, str(job.dtype))
    effort = Effort(job.samples, job.minimum_seconds)
    return time_fits(fit, problem.iterations_per_epoch, effort)


def fit_of(kind: Any, parameters: dict[str, Any], problem: Problem, dtype: str) -> Fit:
    """Return a function that fits an estimator with ``parameters`` for a number of epochs.

    It never stops early, because other candidates train for all epochs.
    """
    part = problem.training_part()
    is_classes = problem.loss == "cross-entropy"
    columns: Any = classes_of(part.targets) if is_classes else part.targets
    if problem.outputs == 1:
        columns = columns[:, 0]
    is_classifier = kind.__name__ == "MLPClassifier"
    inputs, targets = part.inputs.astype(dtype), columns.astype(int if is_classifier else dtype)
    fields = {**parameters, "n_iter_no_change": 2**31, "warm_start": False, "verbose": False}

    def fit(epochs: int) -> object:
        return kind(**fields, max_iter=epochs).fit(inputs, targets)

    return fit


class _Epochs:
    """Fits as a `timing.Repeatable`: each starts from scratch."""

    def __init__(self, fit: Fit) -> None:
        self._fit = fit

    def train(self, iterations: int) -> None:
        self._fit(iterations)

    def reset(self) -> None:
        """Do nothing: a fit does not depend on the fit before."""


def time_fits(
    fit: Fit, iterations_per_epoch: int, effort: Effort, clock: Clock = time.perf_counter
) -> Timings:
    """Return the seconds of an iteration, and as ``prepare_seconds`` those of a fit's setup.

    A fit includes its setup; the difference between a fit of more epochs and a fit of one epoch
    does not.
    """
    epochs = _Epochs(fit)
    for _ in range(_TRIES):
        single = time_training(epochs, Effort(effort.samples, iterations=1), clock)
        once = single.seconds or 0.0
        more = _epochs(epochs, once, effort.minimum_seconds, clock)
        longer = time_training(epochs, Effort(effort.samples, iterations=more), clock)
        # Seconds of an iteration, from the seconds that a fit takes for an epoch.
        seconds, *times = (
            (more * fitted - once) / (more - 1) / iterations_per_epoch
            for fitted in (longer.seconds or 0.0, *longer.samples, *longer.dropped)
        )
        samples, dropped = times[: len(longer.samples)], times[len(longer.samples) :]
        if min(seconds, *samples) > 0:
            break
    else:
        raise UserError(f"a fit of {more} epochs took no longer than a fit of one")
    waited = [timing.waited for timing in (single, longer) if timing.waited is not None]
    return Timings(
        seconds=seconds,
        samples=samples,
        iterations=more * iterations_per_epoch,
        waited=max(waited, default=None),
        contended=longer.contended,
        dropped=dropped,
        prepare_seconds=max(0.0, once - seconds * iterations_per_epoch),
    )


def _epochs(epochs: _Epochs, once: float, minimum_seconds: float, clock: Clock) -> int:
    """Return the epochs of a fit that takes ``minimum_seconds``, and far longer than one epoch."""
    least_seconds = max(minimum_seconds, _TIMES_ONE_EPOCH * once)
    more = 2
    while True:
        begin = clock()
        epochs.train(more)
        elapsed = clock() - begin
        if elapsed >= least_seconds:
            return more
        seconds_per_epoch = max(elapsed - once, 0.0) / (more - 1)
        needed = (least_seconds - once) / seconds_per_epoch if seconds_per_epoch else float("inf")
        more = ceil(min(1.1 * needed, _LARGEST_GROWTH * more)) + 1
