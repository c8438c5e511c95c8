"""The contract of a backend as checks that can be run: by the tests, and by a backend's author.

Each check takes a backend, a problem and a dtype, and raises `Broken` with what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isclose

import numpy as np

from perceptron.backends.contract import agreement
from perceptron.backends.contract.mutants import MutantBackend, mutations
from perceptron.backends.protocol import Backend, Unsupported
from perceptron.problems import catalogue
from perceptron.problems.datasets import Array
from perceptron.problems.families import FAMILIES
from perceptron.problems.problem import DType, Problem


class Broken(Exception):
    """The backend does not keep the contract; the message says how, in one line."""


@dataclass(frozen=True)
class ContractCheck:
    """A promise, named by what it promises."""

    name: str
    run: Callable[[Backend, Problem, DType], None]


def problems() -> list[Problem]:
    """Return small problems of every kind: the named ones, and one of each family."""
    small = [family.problem(*family.sizes[1]) for family in FAMILIES.values()]
    named = [catalogue.find(name) for name in ("or-gate", "symptoms", "xor", "xor-hidden")]
    return [*named, *small]


def _starts_at_the_start(backend: Backend, problem: Problem, dtype: DType) -> None:
    trainer = backend.prepare(problem, dtype)
    expected = [array.astype(dtype) for array in problem.start_parameters()]
    _assert_equal(trainer.parameters(), expected, "after prepare, parameters()")


def _keeps_shapes_and_dtype(backend: Backend, problem: Problem, dtype: DType) -> None:
    trainer = backend.prepare(problem, dtype)
    trainer.train(1)
    for array, start in zip(trainer.parameters(), problem.start_parameters(), strict=True):
        if array.shape != start.shape or array.dtype != np.dtype(dtype):
            raise Broken(
                f"parameters() gives {array.shape} {array.dtype}, not {start.shape} {dtype}"
            )


def _continues_where_it_stands(backend: Backend, problem: Problem, dtype: DType) -> None:
    one_call, two_calls = backend.prepare(problem, dtype), backend.prepare(problem, dtype)
    one_call.train(100)
    two_calls.train(50)
    two_calls.train(50)
    _assert_equal(two_calls.parameters(), one_call.parameters(), "train(50) twice and train(100)")


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
    fresh = [array.astype(dtype) for array in problem.start_parameters()]
    _assert_equal(trainer.parameters(), fresh, "after changing what it returned, parameters()")


def _computes_the_loss(backend: Backend, problem: Problem, dtype: DType) -> None:
    loss = backend.prepare(problem, dtype).loss()
    expected = float(agreement.reference(problem).quantities[0].start)
    if not isclose(loss, expected, rel_tol=1e-4 if dtype == "float32" else 1e-12):
        raise Broken(f"loss() is {loss:.9g} at the start, not {expected:.9g}")


def _agrees(backend: Backend, problem: Problem, dtype: DType) -> None:
    trainer = backend.prepare(problem, dtype)
    difference = agreement.compare(problem, trainer, dtype, agreement.reference(problem))
    if not difference.agrees:
        raise Broken(str(difference))


def _mutants_are_caught(backend: Backend, problem: Problem, dtype: DType) -> None:
    expected = agreement.reference(problem)
    backend.prepare(problem, dtype)  # raises Unsupported for a problem it does not take
    for mutation in mutations(problem):
        mutant = MutantBackend(backend, mutation).prepare(problem, dtype)
        try:
            difference = agreement.compare(problem, mutant, dtype, expected)
        except Unsupported:  # it refuses the mistaken problem, which is as good as noticing
            continue
        if difference.agrees:
            raise Broken(f"the agreement check would not notice: {mutation.name}")


CHECKS: tuple[ContractCheck, ...] = (
    ContractCheck("starts at the start parameters", _starts_at_the_start),
    ContractCheck("keeps shapes and dtype", _keeps_shapes_and_dtype),
    ContractCheck("train(50) twice leaves what train(100) leaves", _continues_where_it_stands),
    ContractCheck("train(0) changes nothing", _does_nothing_for_zero_iterations),
    ContractCheck("reset goes back to the start", _resets_to_the_start),
    ContractCheck("parameters() are copies", _returns_copies),
    ContractCheck("returns the loss", _computes_the_loss),
    ContractCheck("agrees with float64 NumPy", _agrees),
    ContractCheck("mistakes put into it are noticed", _mutants_are_caught),
)


def _assert_equal(actual: list[Array], expected: list[Array], what: str) -> None:
    for array, target in zip(actual, expected, strict=True):
        # Steps may be grouped differently in one call than in two; rounding may follow.
        tolerance = 8 * float(np.finfo(target.dtype).eps)
        scale = tolerance * max(1.0, float(np.abs(target).max()))
        worst = float(np.abs(array.astype(np.float64) - target).max())
        if not worst <= scale:
            raise Broken(f"{what} differ by {worst:.2g}")
