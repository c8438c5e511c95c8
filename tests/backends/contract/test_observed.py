from __future__ import annotations

import pytest

from perceptron.backends.contract.observed import accuracies_of, quantities_of, values_of
from perceptron.backends.contract.problems import problems
from perceptron.backends.numpy_backend import BACKEND
from perceptron.backends.protocol import Evaluation, Score
from perceptron.problems import catalogue

PROBLEMS = {problem.name: problem for problem in problems()}


def test_a_trainer_without_some_parameters_is_named_by_what_it_gives() -> None:
    """Its author must learn what is missing, not that a comparison failed."""
    problem = catalogue.find("xor-hidden")
    trainer = BACKEND.prepare(problem, "float64")
    with pytest.raises(ValueError, match=r"parameters\(\) gives 3 arrays, not 4"):
        values_of(problem, trainer.evaluate(), trainer.parameters()[:3])


def test_an_accuracy_that_is_none_is_left_out() -> None:
    """As that of a regression; and without a held-out part there is one only."""
    assert accuracies_of(Evaluation(Score(0.5, None), Score(0.5, 0.25))) == {
        "the accuracy on the held-out part": 0.25
    }
    assert accuracies_of(Evaluation(Score(0.5, 0.75), None)) == {"the accuracy": 0.75}


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
