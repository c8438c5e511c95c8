from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from perceptron.backends import registry
from perceptron.backends.contract import agreement
from perceptron.backends.contract.mutants import MutantBackend, mutations
from perceptron.backends.numpy_backend import BACKEND
from perceptron.problems import catalogue
from perceptron.problems.cost import operations
from perceptron.problems.families import FAMILIES
from perceptron.problems.optimizer import Sgd
from perceptron.problems.problem import Problem
from perceptron.problems.start import GivenStart

# Every size of every sweep that ten iterations of every mutant do not take minutes for, and two of
# those by batches, each of which evaluates 16,384 rows.
SWEPT = [
    *map(catalogue.find, ("mlp-batch:64", "mlp-width-adam:8")),
    *(
        problem
        for family in FAMILIES.values()
        for size in family.sizes
        if operations(problem := family.problem(*size)) < 6e7 and problem.batch is None
    ),
]


@pytest.mark.parametrize("problem", SWEPT, ids=lambda problem: problem.name)
def test_every_mistake_is_caught_at_every_size_in_float32(problem: Problem) -> None:
    """A bias dropped, a loss scaled by 1.01, an activation swapped, a sign turned, one parameter
    stale: in each layer, on each size that a sweep would otherwise time."""
    expected = agreement.reference(problem)
    right = agreement.compare(problem, BACKEND.prepare(problem, "float32"), "float32", expected)
    assert right.agrees, str(right)
    # The first, middle and last layers stand for the sixty-four of the deepest.
    deepest = len(problem.layers)
    layers = {1, deepest // 2 + 1, deepest}
    for mutation in mutations(problem):
        words = mutation.name.split()
        if "layer" in words and int(words[words.index("layer") + 1]) not in layers:
            continue
        mutant = MutantBackend(BACKEND, mutation).prepare(problem, "float32")
        difference = agreement.compare(problem, mutant, "float32", expected)
        assert not difference.agrees, f"{mutation.name}: {difference}"


@pytest.mark.parametrize("name", ["mlp-width:8192", "mlp-depth:64", "perceptron-rows:1048576"])
def test_large_sizes_leave_room_between_rounding_and_mistakes(name: str) -> None:
    """float32 torch differs from float64 NumPy by less than half of what is allowed."""
    problem = catalogue.find(name)
    reason = registry.reason_unavailable("torch-cpu")
    backend = registry.load("numpy" if reason else "torch-cpu")
    trainer = backend.prepare(problem, "float32")
    difference = agreement.compare(problem, trainer, "float32", agreement.reference(problem))
    assert difference.difference < 0.5 * difference.allowed


def test_the_difference_names_the_quantity_and_the_size() -> None:
    """A backend's author must learn from the line what to look at."""
    problem = catalogue.find("mlp-width:8")
    wrong = next(
        mutation for mutation in mutations(problem) if mutation.name == "bias of layer 2 stale"
    )
    trainer = MutantBackend(BACKEND, wrong).prepare(problem, "float64")
    difference = agreement.compare(problem, trainer, "float64", agreement.reference(problem))
    assert "disagrees with float64 NumPy after 10 iterations" in str(difference)
    assert "bias of layer 2 off by" in str(difference)


def test_a_problem_that_stands_still_is_refused() -> None:
    """Where nothing moves every wrong backend agrees."""
    saturated = replace(
        catalogue.find("or-gate"), start=GivenStart((np.full((2, 1), 500.0), np.full(1, 500.0)))
    )
    trainer = BACKEND.prepare(saturated, "float64")
    with pytest.raises(agreement.Refused, match="does not move in 10 iterations"):
        agreement.compare(saturated, trainer, "float64", agreement.reference(saturated))


def test_a_movement_lost_in_rounding_is_refused() -> None:
    """In float32 a movement of 1e-8 of the value is lost in rounding; in float64 it is not."""
    slow = replace(catalogue.find("or-gate"), optimizer=Sgd(rate=1e-8))
    expected = agreement.reference(slow)
    with pytest.raises(agreement.Refused, match="too little to tell a mistake from rounding"):
        agreement.compare(slow, BACKEND.prepare(slow, "float32"), "float32", expected)
    assert agreement.compare(slow, BACKEND.prepare(slow, "float64"), "float64", expected).agrees


def test_a_diverging_problem_is_refused() -> None:
    """NaN agrees with nothing, least of all with itself."""
    layers = tuple(
        replace(layer, activation="identity") for layer in catalogue.find("xor-hidden").layers
    )
    wild = replace(catalogue.find("xor-hidden"), layers=layers, optimizer=Sgd(rate=1e60))
    with (
        pytest.raises(agreement.Refused, match="not finite after 10 iterations: lower the rate"),
        np.errstate(all="ignore"),
    ):
        agreement.reference(wild)


def test_a_backend_of_nans_disagrees() -> None:
    """No comparison with NaN may come out as agreement."""
    assert not agreement.Difference("the loss", float("nan"), 1.0).agrees
