"""The contract of a backend as checks that can be run: by the tests, and by a backend's author.

Each check takes a backend, a problem and a dtype, and raises `Broken` with what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isclose

import numpy as np

from perceptron.backends.contract import agreement
from perceptron.backends.contract.driver import start_of
from perceptron.backends.contract.mutants import MutantBackend, mutations
from perceptron.backends.contract.quantities import TOLERANCE
from perceptron.backends.contract.reference import stand, undecided
from perceptron.backends.protocol import Backend, Unsupported
from perceptron.problems.datasets import Array
from perceptron.problems.problem import DType, Problem


class Broken(Exception):
    """The backend does not keep the contract; the message says how, in one line."""


Check = Callable[[Backend, Problem, DType], None]


@dataclass(frozen=True)
class ContractCheck:
    """A promise, named by what it promises."""

    name: str
    run: Check


def _starts_at_the_start(backend: Backend, problem: Problem, dtype: DType) -> None:
    trainer = backend.prepare(problem, dtype)
    expected = [array.astype(dtype) for array in start_of(problem)]
    _assert_equal(trainer.parameters(), expected, "after prepare, parameters()")


def _keeps_shapes_and_dtype(backend: Backend, problem: Problem, dtype: DType) -> None:
    trainer = backend.prepare(problem, dtype)
    trainer.train(1)
    for array, start in zip(trainer.parameters(), start_of(problem), strict=True):
        if array.shape != start.shape or array.dtype != np.dtype(dtype):
            raise Broken(
                f"parameters() gives {array.shape} {array.dtype}, not {start.shape} {dtype}"
            )


def _continues(half: int, to_the_bit: bool) -> Check:
    """Return the check that two calls continue each other; where steps are plain, to the bit."""

    def check(backend: Backend, problem: Problem, dtype: DType) -> None:
        one_call, two_calls = backend.prepare(problem, dtype), backend.prepare(problem, dtype)
        one_call.train(2 * half)
        two_calls.train(half)
        two_calls.train(half)
        what = f"train({half}) twice and train({2 * half})"
        if to_the_bit and problem.optimizer.is_plain:
            _assert_equal(two_calls.parameters(), one_call.parameters(), what)
        else:
            _assert_near(problem, two_calls.parameters(), one_call.parameters(), dtype, what)

    return check


def _resets_within_an_epoch(backend: Backend, problem: Problem, dtype: DType) -> None:
    fresh, used = backend.prepare(problem, dtype), backend.prepare(problem, dtype)
    fresh.train(5)
    used.train(7)
    used.reset()
    used.train(5)
    what = "train(5) after train(7) and reset, and train(5) of a fresh trainer,"
    _assert_near(problem, used.parameters(), fresh.parameters(), dtype, what)


def _does_nothing_for_zero_iterations(backend: Backend, problem: Problem, dtype: DType) -> None:
    trainer = backend.prepare(problem, dtype)
    before = trainer.parameters()
    trainer.train(0)
    _assert_equal(trainer.parameters(), before, "after train(0), parameters()")


def _resets_to_the_start(backend: Backend, problem: Problem, dtype: DType) -> None:
    trainer = backend.prepare(problem, dtype)
    before = trainer.parameters()
    trainer.train(3)
    trainer.reset()
    _assert_equal(trainer.parameters(), before, "after reset, parameters()")


def _returns_copies(backend: Backend, problem: Problem, dtype: DType) -> None:
    trainer = backend.prepare(problem, dtype)
    for array in trainer.parameters():
        array += 1.0
    fresh = [array.astype(dtype) for array in start_of(problem)]
    _assert_equal(trainer.parameters(), fresh, "after changing what it returned, parameters()")


def _computes_the_loss(backend: Backend, problem: Problem, dtype: DType) -> None:
    loss = backend.prepare(problem, dtype).loss()
    expected = float(agreement.reference(problem).quantities[0].start)
    if not isclose(loss, expected, rel_tol=1e-4 if dtype == "float32" else 1e-12):
        raise Broken(f"loss() is {loss:.9g} at the start, not {expected:.9g}")


def _evaluates(backend: Backend, problem: Problem, dtype: DType) -> None:
    trainer = backend.prepare(problem, dtype)
    start = stand(problem, start_of(problem))
    expected = start.evaluation
    evaluation = trainer.evaluate()
    if (evaluation.test is None) != (expected.test is None):
        raise Broken("evaluate() must score the test set where there is one, and only there")
    shares = undecided(problem, dtype, start, start, start)
    parts = [("the training part", evaluation.train, expected.train, shares[0])]
    if evaluation.test is not None and expected.test is not None:
        parts.append(("the test set", evaluation.test, expected.test, shares[1]))
    relative = 1e-4 if dtype == "float32" else 1e-12
    for name, score, target, share in parts:
        if not isclose(score.loss, target.loss, rel_tol=relative):
            raise Broken(f"evaluate(): loss {score.loss:.9g} on {name}, not {target.loss:.9g}")
        right, wanted = score.accuracy, target.accuracy
        if right is None or wanted is None:
            same = right is wanted
        else:
            same = abs(right - wanted) <= share + 1e-12
        if not same:
            raise Broken(f"evaluate(): accuracy {right} on {name}, not {wanted}")
    if not isclose(evaluation.train.loss, trainer.loss(), rel_tol=relative):
        raise Broken(f"evaluate() has the loss {evaluation.train.loss}, loss() {trainer.loss()}")


def _agrees(backend: Backend, problem: Problem, dtype: DType) -> None:
    trainer = backend.prepare(problem, dtype)
    difference = agreement.compare(problem, trainer, dtype, agreement.reference(problem))
    if not difference.agrees:
        raise Broken(str(difference))


def _mutants_are_caught(backend: Backend, problem: Problem, dtype: DType) -> None:
    expected = agreement.reference(problem)
    backend.prepare(problem, dtype)  # raises Unsupported for a problem it does not take
    # float64's tolerance is a millionth: it notices what that of float32 does, if it happens.
    seen_in_float32 = dtype == "float64" and _takes(backend, problem, "float32")
    for mutation in mutations(problem):
        if seen_in_float32 and not mutation.depends_on_dtype:
            continue
        try:
            mutant = MutantBackend(backend, mutation).prepare(problem, dtype)
            difference = agreement.compare(problem, mutant, dtype, expected)
        except Unsupported:  # it refuses the mistaken problem, which is as good as noticing
            continue
        if difference.agrees:
            raise Broken(f"the agreement check would not notice: {mutation.name}")


CHECKS: tuple[ContractCheck, ...] = (
    ContractCheck("starts at the start parameters", _starts_at_the_start),
    ContractCheck("keeps shapes and dtype", _keeps_shapes_and_dtype),
    ContractCheck("train(50) twice leaves what train(100) leaves", _continues(50, to_the_bit=True)),
    ContractCheck("train(7) twice leaves what train(14) leaves", _continues(7, to_the_bit=False)),
    ContractCheck("train(0) changes nothing", _does_nothing_for_zero_iterations),
    ContractCheck("reset goes back to the start", _resets_to_the_start),
    ContractCheck("reset goes back to the first batch and step", _resets_within_an_epoch),
    ContractCheck("parameters() are copies", _returns_copies),
    ContractCheck("returns the loss", _computes_the_loss),
    ContractCheck("evaluates both parts", _evaluates),
    ContractCheck("agrees with float64 NumPy", _agrees),
    ContractCheck("mistakes put into it are noticed", _mutants_are_caught),
)


def _takes(backend: Backend, problem: Problem, dtype: DType) -> bool:
    try:
        backend.prepare(problem, dtype)
    except Unsupported:
        return False
    return True


def _assert_equal(actual: list[Array], expected: list[Array], what: str) -> None:
    for array, target in zip(actual, expected, strict=True):
        # Steps may be grouped differently in one call than in two; rounding may follow.
        tolerance = 8 * float(np.finfo(target.dtype).eps)
        scale = tolerance * max(1.0, float(np.abs(target).max()))
        worst = float(np.abs(array.astype(np.float64) - target).max())
        if not worst <= scale:
            raise Broken(f"{what} differ by {worst:.2g}")


def _assert_near(
    problem: Problem, actual: list[Array], expected: list[Array], dtype: DType, what: str
) -> None:
    """Raise `Broken` where trainings differ by more than agreement allows.

    A backend may group steps in another way, and optimizers magnify how that rounds.
    """
    starts = start_of(problem)
    for array, target, start in zip(actual, expected, starts, strict=True):
        moved = float(np.linalg.norm(target - start))
        eps = 8 * float(np.finfo(dtype).eps) * float(np.linalg.norm(target))
        off = float(np.linalg.norm(array.astype(np.float64) - target))
        if not off <= TOLERANCE[dtype] * moved + eps:
            raise Broken(f"{what} differ by {off / moved:.2g} of the movement")
