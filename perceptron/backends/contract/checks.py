"""The contract of a backend as checks, for the tests and for authors of backends.

Each check takes a backend, a problem and a dtype, and raises `Broken` with what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from math import isclose

import numpy as np

from perceptron.backends.contract import agreement
from perceptron.backends.contract.agreement import TOLERANCE, Reference, start_of
from perceptron.backends.contract.mutants import mutations
from perceptron.backends.protocol import Backend, Trainer, Unsupported
from perceptron.problems.datasets import Array
from perceptron.problems.problem import DType, Problem


class Broken(Exception):
    """The backend breaks the contract; the message says how, in one line."""


Check = Callable[[Backend, Problem, DType], None]


@lru_cache(maxsize=64)
def reference(problem: Problem) -> Reference:
    """Return the cached reference of a problem, which all checks and dtypes share."""
    return agreement.reference(problem)


def _has_start_parameters(prepare: Callable[[Trainer], object]) -> Check:
    """Return the check that a trainer has the start parameters after ``prepare(trainer)``."""

    def check(backend: Backend, problem: Problem, dtype: DType) -> None:
        trainer = backend.prepare(problem, dtype)
        prepare(trainer)
        start = [array.astype(dtype) for array in start_of(problem)]
        _assert_same(problem, trainer.parameters(), start)

    return check


def _trains_and_resets(trainer: Trainer) -> None:
    trainer.train(3)
    trainer.reset()


def _changes_returned_arrays(trainer: Trainer) -> None:
    for array in trainer.parameters():
        array += 1.0


def _keeps_shapes_and_dtype(backend: Backend, problem: Problem, dtype: DType) -> None:
    trainer = backend.prepare(problem, dtype)
    trainer.train(1)
    for array, start in zip(trainer.parameters(), start_of(problem), strict=True):
        if array.shape != start.shape or array.dtype != np.dtype(dtype):
            raise Broken(
                f"parameters() gives {array.shape} {array.dtype}, not {start.shape} {dtype}"
            )


def _trains_alike(calls: Sequence[int | None], total: int, exact: bool = False) -> Check:
    """Return the check that these calls of `train` equal ``train(whole)``; None is a `reset`.

    A backend may group steps in another way, and optimizers magnify the rounding of that; with
    ``exact``, plain steps must be equal.
    """

    def check(backend: Backend, problem: Problem, dtype: DType) -> None:
        once, several = backend.prepare(problem, dtype), backend.prepare(problem, dtype)
        once.train(total)
        for iterations in calls:
            several.reset() if iterations is None else several.train(iterations)
        share = 0.0 if exact and problem.optimizer.is_plain else 5.0 * TOLERANCE[dtype]
        _assert_same(problem, several.parameters(), once.parameters(), share)

    return check


def _evaluates(backend: Backend, problem: Problem, dtype: DType) -> None:
    trainer = backend.prepare(problem, dtype)
    values = agreement.standing(problem, trainer.parameters(), trainer.evaluate(), trainer.loss())
    expected = reference(problem)
    if set(values) != set(expected):
        raise Broken("evaluate() must score the test set and classes where there are any, only")
    relative = 1e-4 if dtype == "float32" else 1e-12
    for name, value in values.items():
        if value.ndim:
            continue
        quantity = expected[name]
        if quantity.undecided is None:
            is_same = isclose(value, quantity.start, rel_tol=relative)
        else:
            is_same = bool(abs(value - quantity.start) <= quantity.undecided + 1e-12)
        if not is_same:
            raise Broken(f"{name} is {value:.9g} at the start, not {quantity.start:.9g}")


def _agrees(backend: Backend, problem: Problem, dtype: DType) -> None:
    difference = agreement.check(backend, problem, dtype, reference(problem))
    if not difference.agrees:
        raise Broken(str(difference))


def _mistakes_are_noticed(backend: Backend, problem: Problem, dtype: DType) -> None:
    backend.prepare(problem, dtype)  # raises Unsupported for a problem it does not take
    noticed_in_float64 = dtype == "float32" and _takes(backend, problem, "float64")
    for mutation in mutations(problem):
        if noticed_in_float64 and not mutation.depends_on_dtype:
            continue
        try:
            trainer = mutation.of(backend, problem, dtype)
            difference = agreement.compare(problem, trainer, dtype, reference(problem))
        except Unsupported:  # refusing the mistaken problem is as good as noticing
            continue
        if difference.agrees:
            raise Broken(f"the agreement check would not notice: {mutation.name}")


AGREES = "agrees with float64 NumPy"
NOTICED = "mistakes put into it are noticed"

CHECKS: Mapping[str, Check] = {
    "starts at the start parameters": _has_start_parameters(lambda trainer: None),
    "keeps shapes and dtype": _keeps_shapes_and_dtype,
    "train(20) twice leaves what train(40) leaves": _trains_alike((20, 20), 40, exact=True),
    "train(7) twice leaves what train(14) leaves": _trains_alike((7, 7), 14),
    "train(0) changes nothing": _has_start_parameters(lambda trainer: trainer.train(0)),
    "reset goes back to the start": _has_start_parameters(_trains_and_resets),
    "reset goes back to the first batch and step": _trains_alike((7, None, 5), 5),
    "parameters() are copies": _has_start_parameters(_changes_returned_arrays),
    "returns the loss, and evaluates both parts": _evaluates,
    AGREES: _agrees,
    NOTICED: _mistakes_are_noticed,
}
"""The check of each promise, by the promise's text."""


def _takes(backend: Backend, problem: Problem, dtype: DType) -> bool:
    try:
        backend.prepare(problem, dtype)
    except Unsupported:
        return False
    return True


def _assert_same(
    problem: Problem, actual: list[Array], expected: list[Array], share: float = 0.0
) -> None:
    """Raise `Broken` if arrays differ by more than rounding and this share of their movement."""
    for array, target, start in zip(actual, expected, start_of(problem), strict=True):
        off, size, moved = (
            float(np.linalg.norm(np.asarray(values, np.float64)))
            for values in (array.astype(np.float64) - target, target, target - start)
        )
        rounding = 8.0 * float(np.finfo(target.dtype).eps) * max(1.0, size)
        if not off <= rounding + share * moved:
            raise Broken(f"parameters() are off by {off:.2g}")
