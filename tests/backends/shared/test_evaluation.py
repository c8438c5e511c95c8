from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from perceptron.backends.shared.evaluation import evaluate, loss_of
from perceptron.problems import catalogue
from perceptron.problems.datasets import Part
from perceptron.problems.problem import Loss, Problem
from tests.backends.conftest import network

PREDICTIONS = np.array([[0.25, 0.5], [0.75, 1.0]])
TARGETS = np.array([[0.0, 1.0], [1.0, 0.0]])


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ("l1-sum", 0.25 + 0.5 + 0.25 + 1.0),
        ("l1-mean", 2.0 / 4),
        ("mse", (0.0625 + 0.25 + 0.0625 + 1.0) / 4),
        # log(1 − 1) is cut off at −100
        ("bce", -(np.log(0.75) + np.log(0.5) + np.log(0.75) - 100.0) / 4),
        ("cross-entropy", np.log1p(np.exp(-0.25)) / 2 + np.log1p(np.exp(0.25)) / 2),
    ],
)
def test_losses_are_as_defined(loss: Loss, expected: float) -> None:
    """Over rows and outputs alike, but cross-entropy over rows alone."""
    assert loss_of(loss, PREDICTIONS, TARGETS) == pytest.approx(expected, rel=1e-12)


def test_cross_entropy_of_large_values_is_finite() -> None:
    """e¹⁰⁰⁰ is too large for 64 bits."""
    far = np.array([[1000.0, 0.0]])
    assert loss_of("cross-entropy", far, np.array([[1.0, 0.0]])) == 0.0
    assert loss_of("cross-entropy", far, np.array([[0.0, 1.0]])) == 1000.0


def test_the_predicted_class_is_the_largest_output() -> None:
    """A predictor that knows the classes of the inputs is right on both parts."""
    problem = catalogue.find("digits")
    both = {part.inputs.tobytes(): part.targets for part in _parts(problem)}
    right = evaluate(problem, lambda inputs: both[inputs.tobytes()])
    wrong = evaluate(problem, lambda inputs: np.roll(both[inputs.tobytes()], 1, axis=1))
    assert right.test is not None
    assert wrong.test is not None
    assert (right.train.accuracy, right.test.accuracy) == (1.0, 1.0)
    assert (wrong.train.accuracy, wrong.test.accuracy) == (0.0, 0.0)


def test_one_output_says_its_class_from_one_half_up() -> None:
    """As one reads a sigmoid."""
    scores = evaluate(
        catalogue.find("or-gate"), lambda inputs: np.array([[0.4], [0.6], [0.4], [0.9]])
    )
    assert scores.train.accuracy == 0.75
    assert scores.test is None


def test_targets_that_are_no_classes_have_no_accuracy() -> None:
    """Nobody could say which prediction of 0.3 is right."""
    problem = network((), "identity", "mse")
    dataset = replace(catalogue.find("or-gate").dataset, values=((0.0, 0.0, 0.3), (1.0, 1.0, 0.7)))
    problem = replace(problem, dataset=replace(dataset, rows=2))
    assert evaluate(problem, lambda inputs: np.zeros((2, 1))).train.accuracy is None


def _parts(problem: Problem) -> list[Part]:
    return [part for part in (problem.training_part(), problem.held_out_part()) if part]
