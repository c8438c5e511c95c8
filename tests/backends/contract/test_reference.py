"""What float64 NumPy makes of a problem, quantity by quantity, and on the way through a file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from perceptron.backends.contract import agreement, several_models, single_training
from perceptron.backends.contract.observed import accuracies_of, quantities_of, values_of
from perceptron.backends.contract.problems import problems
from perceptron.backends.contract.quantities import (
    Quantity,
    Refused,
    load_reference,
    pack_reference,
)
from perceptron.backends.numpy_backend import BACKEND
from perceptron.backends.protocol import Evaluation, Score
from perceptron.problems import catalogue
from perceptron.problems.optimizer import Sgd
from perceptron.problems.problem import Problem


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
        single_training.reference(wild)


def test_a_model_is_judged_by_its_movement_or_by_that_of_all_where_it_hardly_moves() -> None:
    """By hand: 3 and 1 have the root mean square √5; a value that is not known counts nothing."""
    end = np.array([[3.0, 0.0], [1.0, 100.0]])
    known = np.array([[True, True], [True, False]])
    quantity = Quantity("weights", np.zeros((2, 2)), end, known={"float32": known}, models=2)
    np.testing.assert_allclose(quantity.moved("float32"), [3.0, np.sqrt(5.0)])
    np.testing.assert_allclose(quantity.norms(end + 1.0, "float32"), [np.sqrt(17.0), 2.0])


def test_movements_too_small_to_square_in_float32_are_not_lost() -> None:
    values = np.full(4, 1e-30, np.float32)
    quantity = Quantity("weights", np.zeros(4), values)
    np.testing.assert_allclose(quantity.moved("float32"), [2e-30], rtol=1e-6)


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


MANY_BY_ADAM = next(problem for problem in problems() if problem.name == "many-adam")


@pytest.mark.parametrize(
    "problem",
    [
        *map(catalogue.find, ("mlp-depth:12", "mlp-batch:64", "many-or-gates:16")),
        replace(MANY_BY_ADAM, models=several_models.MOST_ALONE + 2),
    ],
    ids=lambda problem: problem.name,
)
def test_a_reference_survives_the_trip_through_a_file(problem: Problem, tmp_path: Path) -> None:
    """Workers of one run share references: names with spaces and digits, what is not known, and
    of how many models."""
    expected = agreement.reference(problem)
    file = tmp_path / "reference.npz"
    file.write_bytes(pack_reference(expected))
    loaded = load_reference(file)
    assert loaded.accuracies == expected.accuracies
    assert [quantity.name for quantity in loaded.quantities] == [
        quantity.name for quantity in expected.quantities
    ]
    for ours, theirs in zip(loaded.quantities, expected.quantities, strict=True):
        np.testing.assert_array_equal(ours.start, theirs.start)
        np.testing.assert_array_equal(ours.end, theirs.end)
        np.testing.assert_array_equal(ours.mask("float32"), theirs.mask("float32"))
        assert (ours.models, ours.outliers) == (theirs.models, theirs.outliers)
        assert ours.spread == theirs.spread
        assert ours.movement == theirs.movement
