"""Mistakes are put into NumPy here; `test_checks` puts them into every backend."""

from __future__ import annotations

import pytest

from perceptron.backends import registry
from perceptron.backends.contract import agreement, checks
from perceptron.backends.contract.mutants import Mutation, mutations
from perceptron.backends.contract.problems import problems
from perceptron.backends.numpy_backend import BACKEND
from perceptron.backends.protocol import Unsupported
from perceptron.problems.problem import DTYPES, DType
from tests.backends.conftest import MISTAKEN, PROBLEMS, SHORT, needs

NAMED = {
    "no bias correction",
    "eps inside the root",
    "weight decay coupled for decoupled",
    "weight decay decoupled for coupled",
    "momentum's buffer kept by reset()",
    "averages kept by reset()",
    "step count kept by reset()",
    "position kept by reset()",
    "nesterov for momentum",
    "momentum for nesterov",
    "order off by one batch",
    "stale batch",
    "order of another seed",
    "every epoch in the first one's order",
    "last batch dropped",
    "last batch kept",
    "short batch divided by the rows of a whole one",
    "softmax without its maximum taken off",
    "loss scaled by 1.01",
    "mean over rows only",
    "training part evaluated as test set",
    "all models from one start",
    "gradients summed over the models",
    "one model skipped",
    "all models without the first fold",
}


def test_mutants_cover_every_named_mistake() -> None:
    """A mistake that no problem is offered would never be looked for."""
    made = {mutation.name for problem in problems() for mutation in mutations(problem)}
    assert made >= NAMED


@pytest.mark.parametrize("name", ["numpy", "torch-cpu"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_mutant_driver_without_mistake_agrees(name: str, dtype: DType) -> None:
    """Else mutants would be caught for what the driver does."""
    needs(name)
    backend = registry.load(name)
    for problem in problems():
        try:
            trainer = Mutation("no mistake").of(backend, problem, dtype)
            difference = agreement.compare(problem, trainer, dtype, checks.reference(problem))
        except Unsupported:
            continue
        assert difference.agrees, f"{problem.name}: {difference}"


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[] if name in SHORT else [pytest.mark.slow]) for name in MISTAKEN],
)
def test_float32_alone_notices_every_mistake_too(name: str) -> None:
    """Where a device has no float64 nothing else is to be had."""
    problem = PROBLEMS[name]
    for mutation in mutations(problem):
        mutant = mutation.of(BACKEND, problem, "float32")
        difference = agreement.compare(problem, mutant, "float32", checks.reference(problem))
        assert not difference.agrees, f"{mutation.name}: {difference}"
