"""What rounding decides under Adam, and what agreement makes of it."""

from __future__ import annotations

import numpy as np
import pytest

from perceptron.backends.contract import agreement, doubt, rounding
from perceptron.backends.contract.doubt import Movement, longest_step
from perceptron.backends.contract.driver import Driver, Gradients
from perceptron.backends.contract.problems import problems
from perceptron.backends.contract.quantities import Refused
from perceptron.backends.numpy_backend import BACKEND
from perceptron.problems import catalogue
from perceptron.problems.datasets import Array, Part, TableData
from perceptron.problems.optimizer import Adam
from perceptron.problems.problem import Layer, Problem
from perceptron.problems.start import GivenStart

EPS = float(np.finfo(np.float32).eps)


def regression(columns: list[list[float]], targets: list[float], start: list[float]) -> Problem:
    """One output, no activation, mse, Adam: gradients that are easy to work out."""
    values = tuple((*row, target) for row, target in zip(columns, targets, strict=True))
    features = len(columns[0])
    weights = np.array(start[:features]).reshape(-1, 1)
    return Problem(
        name="regression",
        family="regression",
        size=len(values),
        dataset=TableData("rows", len(values), features, values=values),
        layers=(Layer(1, "identity"),),
        loss="mse",
        optimizer=Adam(rate=0.01),
        start=GivenStart((weights, np.array(start[features:]))),
    )


SINGLE = [problem for problem in problems() if problem.models == 1]
SEVERAL = [problem for problem in problems() if problem.models > 1]


@pytest.mark.parametrize("problem", SINGLE, ids=lambda problem: problem.name)
def test_gradients_in_float32_are_within_their_error(problem: Problem) -> None:
    """The errors decide which parameters are judged: too small, and right backends disagree."""
    batches, part = problem.batches, problem.training_part()
    rows = None if batches is None else batches.indices(0)
    batch = part if rows is None else Part(part.inputs[rows], part.targets[rows])
    expected = rounding.gradients(problem, problem.start_parameters(), batch)
    driver = Driver(Gradients(BACKEND, "float32"), problem)
    values = np.concatenate([array.values.ravel() for array in expected])
    errors = np.concatenate([array.error.ravel() for array in expected])
    off = np.abs(driver.gradient(rows) - values)
    assert (off <= EPS * errors).all()
    # And they are no looser than the sums are long: a bound that covers all would judge nothing.
    assert np.median(errors) * EPS < 1e-3 * np.abs(values).max()


@pytest.mark.parametrize("problem", SEVERAL, ids=lambda problem: problem.name)
def test_gradients_of_several_models_have_the_errors_of_each(problem: Problem) -> None:
    part = problem.parts()[0]
    batch = Part(part.inputs[..., 3:17, :], part.targets[..., 3:17, :])
    together = rounding.gradients(problem, problem.stacked_start(), batch)
    for index in range(problem.models):
        single = problem.single(index)
        inputs, targets = single.training_part()
        own = Part(inputs[3:17], targets[3:17])
        alone = rounding.gradients(single, single.start_parameters(), own)
        for ours, theirs in zip(together, alone, strict=True):
            np.testing.assert_allclose(ours.values[index], theirs.values, rtol=1e-9, atol=1e-14)
            np.testing.assert_allclose(ours.error[index], theirs.error, rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("at_once", [1, 2, 100])
def test_what_is_known_of_several_models_is_what_is_known_of_each(
    at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many are looked at together; each by its own movement."""
    pytest.importorskip("sklearn")
    problem = catalogue.find("many-mlps:4")
    values = problem.step_rows * max(problem.widths)
    monkeypatch.setattr(doubt, "_VALUES_AT_ONCE", at_once * values)
    together = doubt.follow(problem, BACKEND, BACKEND.prepare(problem, "float64"))
    assert set(together) == {"float32"}
    for index in range(problem.models):
        single = problem.single(index)
        alone = doubt.follow(single, BACKEND, BACKEND.prepare(single, "float64"))
        for ours, theirs in zip(together["float32"].known, alone["float32"].known, strict=True):
            np.testing.assert_array_equal(ours[index], theirs)


def test_a_gradient_of_rounding_alone_is_not_known_and_its_sign_is_free() -> None:
    """Two rows cancel up to rounding: the sign of what is left is anybody's."""
    problem = regression(
        [[1.0, 1.0, 0.1], [1.0, -1.0, 0.2], [-0.5, 1.0, 0.2], [-0.5, -1.0, 0.1]],
        [0.3, 0.3, 0.3, 0.3],
        [0.2, 0.0, 0.0, 0.1],
    )
    expected = agreement.reference(problem)
    (weights,) = (entry for entry in expected.quantities if entry.name == "weights")
    assert weights.mask("float32").ravel().tolist() == [True, False, True]


def test_a_gradient_that_is_exactly_0_is_known() -> None:
    """A pixel that is never inked: its weight must stay, and one that moves is noticed."""
    problem = regression([[1.0, 0.0], [0.5, 0.0], [0.2, 0.0]], [0.3, 0.4, -0.2], [0.2, 0.7, 0.1])
    expected = agreement.reference(problem)
    (weights,) = (entry for entry in expected.quantities if entry.name == "weights")
    assert weights.mask("float32").all()

    class MovesWhatHasNoGradient(Driver):
        def gradient(self, rows: object) -> Array:
            gradient = super().gradient(None)
            return np.where(gradient == 0.0, 1e-9, gradient)

    right = BACKEND.prepare(problem, "float32")
    assert agreement.compare(problem, right, "float32", expected).agrees
    wrong = MovesWhatHasNoGradient(Gradients(BACKEND, "float32"), problem)
    difference = agreement.compare(problem, wrong, "float32", expected)
    assert difference.quantity == "weights"
    assert not difference.agrees


def test_a_problem_of_which_too_little_is_known_is_refused() -> None:
    """Where rounding decides most steps, any backend agrees on the few others."""
    signs = [[a, b, c, 0.3] for a in (1.0, -1.0) for b in (1.0, -1.0) for c in (1.0, -1.0)]
    problem = regression(signs, [0.3] * 8, [0.0, 0.0, 0.0, 0.2, 0.1])
    with pytest.raises(Refused, match="weights: rounding to float32 decides"):
        agreement.compare(
            problem, BACKEND.prepare(problem, "float32"), "float32", agreement.reference(problem)
        )


def test_most_of_a_real_training_is_known() -> None:
    """If errors were sloppy, agreement on a family's size would be shown by little of it."""
    expected = agreement.reference(catalogue.find("mlp-batch:64"))
    for quantity in expected.quantities:
        assert quantity.mask("float32").mean() > 0.95, quantity.name
        assert quantity.mask("float64").all(), quantity.name
        assert quantity.spread.get("float32", 0.0) < 1e-3 * quantity.moved("float32")


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_first_step_is_the_rate_and_may_go_either_way(sign: float) -> None:
    """By hand: a gradient of half its error moves a parameter by the rate, here or there."""
    movement = Movement(Adam(rate=0.5, eps=0.0), 3, eps=1.0)
    movement.step(sign * np.array([1.0, 1.0, 0.0]), np.array([2.0, 0.0, 0.0]))
    np.testing.assert_allclose(movement.error, [1.0, 0.0, 0.0])


def test_no_gradients_make_a_longer_step() -> None:
    """What cannot be known is still bounded: by the longest step there is."""
    optimizer = Adam(rate=1.0, betas=(0.9, 0.99), eps=0.0)
    ages = np.arange(5)
    random = np.random.default_rng(3)
    gradients = random.standard_normal((2000, 5))
    first, second = ((1 - beta) * beta**ages / (1 - beta**5) for beta in optimizer.betas)
    gradients[0] = first / second  # where Cauchy's and Schwarz's sides are equal
    steps = np.abs(gradients @ first) / np.sqrt(gradients**2 @ second)
    assert steps.max() == pytest.approx(longest_step(optimizer, 5))
