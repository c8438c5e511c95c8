"""scikit-learn's own ``fit``, in the worker that times it."""

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

# A fit of more epochs takes so many times what one of a single epoch does, so that their difference
# is far more than what either is off.
_TIMES_ONE_EPOCH = 2.5
# Never multiply the epochs by more than this at once: the first fit imports and allocates.
_LARGEST_GROWTH = 30
# Another process that kept the fits of one epoch waiting may be gone with the next try.
_TRIES = 3

Fit = Callable[[int], object]
"""Fits once, for so many epochs."""


def answer(job: Estimator, is_first: bool) -> Timings:
    """Time an estimator; its error costs it this row only."""
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
    made = getattr(sklearn.neural_network, job.estimator)
    if is_first:
        fit_of(made, job.parameters, catalogue.find("or-gate"), "float64")(1)
    if job.step == "start":
        return Timings()
    problem = catalogue.find(job.problem)
    fit = fit_of(made, job.parameters, problem, str(job.dtype))
    effort = Effort(job.samples, job.minimum_seconds)
    return time_fits(fit, problem.iterations_per_epoch, effort)


def fit_of(made: Any, parameters: dict[str, Any], problem: Problem, dtype: str) -> Fit:
    """Return what fits an estimator of these parameters to a problem's data, however it ends.

    No loss is low enough to end it before its epochs are over: the other candidates train as many.
    """
    part = problem.training_part()
    is_classes = problem.loss == "cross-entropy"
    columns: Any = classes_of(part.targets) if is_classes else part.targets
    if problem.outputs == 1:
        columns = columns[:, 0]
    is_classifier = made.__name__ == "MLPClassifier"
    inputs, targets = part.inputs.astype(dtype), columns.astype(int if is_classifier else dtype)
    fields = {**parameters, "n_iter_no_change": 2**31, "warm_start": False, "verbose": False}

    def fit(epochs: int) -> object:
        return made(**fields, max_iter=epochs).fit(inputs, targets)

    return fit


class _Epochs:
    """Fits as something that can be timed: each of them starts again."""

    def __init__(self, fit: Fit) -> None:
        self._fit = fit

    def train(self, iterations: int) -> None:
        self._fit(iterations)

    def reset(self) -> None:
        """Nothing is kept from one fit to the next."""


def time_fits(
    fit: Fit, iterations_per_epoch: int, effort: Effort, clock: Clock = time.perf_counter
) -> Timings:
    """Return what an iteration of a fit takes, and what it takes once.

    A fit is one call: what it does once is told from its iterations by fits of one epoch and of
    more, whose difference has none of it.
    """
    epochs = _Epochs(fit)
    for _ in range(_TRIES):
        one = time_training(epochs, Effort(effort.samples, iterations=1), clock)
        once = one.seconds or 0.0
        more = _epochs(epochs, once, effort.minimum_seconds, clock)
        seen = time_training(epochs, Effort(effort.samples, iterations=more), clock)
        # An iteration's seconds, of a fit's seconds an epoch.
        seconds, *each = (
            (more * fitted - once) / (more - 1) / iterations_per_epoch
            for fitted in (seen.seconds or 0.0, *seen.samples, *seen.dropped)
        )
        samples, dropped = each[: len(seen.samples)], each[len(seen.samples) :]
        if min(seconds, *samples) > 0:
            break
    else:
        raise UserError(f"a fit of {more} epochs took no longer than a fit of one")
    known = [timing.waited for timing in (one, seen) if timing.waited is not None]
    return Timings(
        seconds=seconds,
        samples=samples,
        iterations=more * iterations_per_epoch,
        waited=max(known, default=None),
        contended=seen.contended,
        dropped=dropped,
        prepare_seconds=max(0.0, once - seconds * iterations_per_epoch),
    )


def _epochs(epochs: _Epochs, one: float, minimum_seconds: float, clock: Clock) -> int:
    """Return epochs of a fit that takes long enough, and far longer than a fit of a single one."""
    wanted = max(minimum_seconds, _TIMES_ONE_EPOCH * one)
    more = 2
    while True:
        begin = clock()
        epochs.train(more)
        elapsed = clock() - begin
        if elapsed >= wanted:
            return more
        each = max(elapsed - one, 0.0) / (more - 1)
        needed = (wanted - one) / each if each else float("inf")
        more = ceil(min(1.1 * needed, _LARGEST_GROWTH * more)) + 1
