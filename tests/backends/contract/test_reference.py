"""What float64 NumPy makes of a problem, quantity by quantity."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from perceptron.backends.contract import reference
from perceptron.backends.contract.problems import problems
from perceptron.backends.contract.quantities import Quantity, Refused
from perceptron.backends.contract.reference import quantities_of, values_of
from perceptron.backends.numpy_backend import BACKEND
from perceptron.problems import catalogue
from perceptron.problems.optimizer import Sgd


def test_a_diverging_problem_is_refused() -> None:
    """NaN agrees with nothing, least of all with itself."""
    layers = tuple(
        replace(layer, activation="identity") for layer in catalogue.find("xor-hidden").layers
    )
    wild = replace(catalogue.find("xor-hidden"), layers=layers, optimizer=Sgd(rate=1e60))
    with (
        pytest.raises(Refused, match="not finite after 10 iterations: lower the rate"),
        np.errstate(all="ignore"),
    ):
        reference.of_one(wild)


def test_a_model_is_judged_by_its_movement_or_by_that_of_all_where_it_hardly_moves() -> None:
    """By hand: 3 and 1 have the root mean square √5; a value that is not known counts nothing."""
    end = np.array([[3.0, 0.0], [1.0, 100.0]])
    known = np.array([[True, True], [True, False]])
    quantity = Quantity("weights", np.zeros((2, 2)), end, known={"float32": known}, models=2)
    np.testing.assert_allclose(quantity.moved("float32"), [3.0, np.sqrt(5.0)])
    np.testing.assert_allclose(quantity.norms(end + 1.0, "float32"), [np.sqrt(17.0), 2.0])


PROBLEMS = {problem.name: problem for problem in problems()}


def test_a_trainer_without_some_parameters_is_named_by_what_it_gives() -> None:
    """Its author must learn what is missing, not that a comparison failed."""
    problem = catalogue.find("xor-hidden")
    trainer = BACKEND.prepare(problem, "float64")
    with pytest.raises(ValueError, match=r"parameters\(\) gives 3 arrays, not 4"):
        values_of(problem, trainer.evaluate(), trainer.parameters()[:3])


def test_a_loss_that_stands_still_is_judged_by_the_one_that_is_trained() -> None:
    """Of several models a loss is one value, and an array one for each."""
    problem = PROBLEMS["many-momentum"]
    trainer = BACKEND.prepare(problem, "float64")
    before = values_of(problem, trainer.evaluate(), trainer.parameters(), loss=3.0)
    quantities = quantities_of(
        problem, before, before | {"the loss": before["the loss"] + 2.0}, {}, {}
    )
    for quantity in quantities:
        is_loss = quantity.name.startswith("the loss")
        assert quantity.models == (1 if is_loss else problem.models)
        assert quantity.moved("float32").tolist() == [2.0 if is_loss else 0.0] * quantity.models
