from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from perceptron import optional
from perceptron.backends import registry
from perceptron.backends.contract import agreement
from perceptron.backends.contract.mutants import MutantBackend, mutations
from perceptron.backends.contract.quantities import TOLERANCE, Refused
from perceptron.backends.contract.reference import Stand, undecided
from perceptron.backends.numpy_backend import BACKEND
from perceptron.backends.protocol import Evaluation, Score
from perceptron.problems import catalogue
from perceptron.problems.cost import operations
from perceptron.problems.datasets import Array
from perceptron.problems.families import FAMILIES
from perceptron.problems.optimizer import Adam, Sgd
from perceptron.problems.problem import Problem
from perceptron.problems.start import GivenStart

# Every size of every sweep that ten iterations of every mutant do not take minutes for, and some of
# those by batches, which evaluate many rows. Of several models 1,024 at most: drawing their starts
# takes longer than all else.
SWEPT = [
    *map(catalogue.find, ("mlp-batch:64", "mlp-width-adam:8")),
    *([] if optional.missing("sklearn") else [catalogue.find("many-mlps:16")]),
    *(
        problem
        for family in FAMILIES.values()
        for size in family.sizes
        if operations(problem := family.problem(*size)) < 6e7
        and problem.batch is None
        and problem.models <= 1024
    ),
]


A_FEW = (
    *("mlp-batch:64", "mlp-width-adam:8", "perceptron-rows:256", "perceptron-features:32"),
    *("mlp-width:32", "mlp-depth:8", "many-or-gates:16"),
)
"""One of each kind; all others are tried by `make test-long`."""


def swept() -> list[object]:
    return [
        pytest.param(
            problem, id=problem.name, marks=[] if problem.name in A_FEW else [pytest.mark.slow]
        )
        for problem in SWEPT
    ]


@pytest.mark.parametrize("problem", swept())
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


@pytest.mark.parametrize(
    "name",
    [
        "mlp-depth:64",
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in ("mlp-width:8192", "perceptron-rows:1048576")
        ),
    ],
)
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
    with pytest.raises(Refused, match="does not move in 10 iterations"):
        agreement.compare(saturated, trainer, "float64", agreement.reference(saturated))


def test_a_movement_lost_in_rounding_is_refused() -> None:
    """In float32 a movement of 1e-8 of the value is lost in rounding; in float64 it is not."""
    slow = replace(catalogue.find("or-gate"), optimizer=Sgd(rate=1e-8))
    expected = agreement.reference(slow)
    with pytest.raises(Refused, match="too little to tell a mistake from rounding"):
        agreement.compare(slow, BACKEND.prepare(slow, "float32"), "float32", expected)
    assert agreement.compare(slow, BACKEND.prepare(slow, "float64"), "float64", expected).agrees


def test_a_spread_that_a_mistake_could_hide_in_is_refused() -> None:
    """What rounding decides must not leave what it does not decide open."""
    problem = catalogue.find("mlp-width:8")
    expected = agreement.reference(problem)
    weights = expected.quantities[-2]
    wide = float(weights.moved("float32").max()) / 10.0
    shaken = replace(expected, quantities=(replace(weights, spread={"float32": wide}),))
    with pytest.raises(Refused, match=r"decides change it by 20% .*lower the rate"):
        agreement.compare(problem, BACKEND.prepare(problem, "float32"), "float32", shaken)


@pytest.mark.parametrize("rate", [1e6, 10.0])
def test_a_rate_at_which_adam_runs_away_is_to_be_lowered(rate: float) -> None:
    problem = replace(catalogue.find("mlp:512x32x64:5c:64b:adam"), optimizer=Adam(rate=rate))
    trainer = BACKEND.prepare(problem, "float32")
    with pytest.raises(Refused, match=r"lower the rate$"):
        agreement.compare(problem, trainer, "float32", agreement.reference(problem))


def test_a_backend_of_nans_disagrees() -> None:
    """No comparison with NaN may come out as agreement."""
    assert not agreement.Difference("the loss", float("nan"), 1.0).agrees


def test_what_movement_and_rounding_put_in_doubt_adds_up() -> None:
    """Of three rows one is in doubt by one of them alone, one by both, one by neither."""
    moved, twin = 0.2, 0.00004
    either = max(TOLERANCE["float32"] * moved, 2 * twin)
    both = TOLERANCE["float32"] * moved + 2 * twin
    assert both > 1.2 * either
    end = np.array([0.5 + share for share in (0.9 * either, (either + both) / 2, 1.5 * both)])

    def standing(outputs: Array) -> Stand:
        return Stand([], (outputs[:, np.newaxis],), Evaluation(Score(0.0, None), None))

    stands = standing(end - moved), standing(end), standing(end + twin)
    assert undecided(catalogue.find("or-gate"), "float32", *stands) == (2 / 3, 0.0)
