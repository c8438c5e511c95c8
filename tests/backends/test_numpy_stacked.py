from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from perceptron.backends import numpy_stacked
from perceptron.backends.contract.problems import problems
from perceptron.backends.numpy_stacked import SideBySideTrainer, StackedTrainer, trainer_of
from perceptron.backends.numpy_trainer import NumpyTrainer
from perceptron.problems import catalogue
from perceptron.problems.problem import Problem

SEVERAL = {problem.name: problem for problem in problems() if problem.models > 1}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("many-or-gates:4", SideBySideTrainer),
        ("many-perceptrons", SideBySideTrainer),
        ("many-momentum", StackedTrainer),
        ("folds-adam", StackedTrainer),
    ],
)
def test_models_of_a_layer_are_a_layer_where_they_share_the_data(
    name: str, kind: type[NumpyTrainer]
) -> None:
    problem = SEVERAL[name]
    assert type(trainer_of(problem, "float64")) is kind
    assert type(trainer_of(problem.single(0), "float64")) is NumpyTrainer


def in_folds(problem: Problem) -> Problem:
    return replace(problem, models=5, folds=True)


@pytest.mark.parametrize(
    "problem",
    [
        *SEVERAL.values(),
        in_folds(SEVERAL["many-perceptrons"]),
        in_folds(replace(SEVERAL["many-perceptrons"], batch=None)),
        replace(SEVERAL["many-perceptrons"], batch=None),
    ],
    ids=lambda problem: f"{problem.name}-{problem.batch}-{'folds' if problem.folds else 'shared'}",
)
def test_all_at_once_is_each_alone(problem: Problem) -> None:
    """Parameters, losses and accuracies, over epochs and a reset, in float64."""
    together = trainer_of(problem, "float64")
    alone = [trainer_of(problem.single(index), "float64") for index in range(problem.models)]
    together.train(3)
    together.reset()
    for trainer in (together, *alone):
        trainer.train(13)
    for array, *own in zip(
        together.parameters(), *(trainer.parameters() for trainer in alone), strict=True
    ):
        np.testing.assert_allclose(array, np.stack(own), rtol=1e-10, atol=1e-12)
    evaluation, evaluations = together.evaluate(), [trainer.evaluate() for trainer in alone]
    losses = [own.train.loss for own in evaluations]
    assert evaluation.train.loss == together.loss() == pytest.approx(np.mean(losses), rel=1e-12)
    if evaluation.test is not None:
        tests = [own.test.accuracy for own in evaluations if own.test is not None]
        assert evaluation.test.accuracy == pytest.approx(np.mean(tests))


def test_the_size_of_the_pieces_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where they do not divide the parameters."""
    problem = SEVERAL["many-adam"]
    whole = trainer_of(problem, "float64")
    monkeypatch.setattr(numpy_stacked, "_PIECE", 7)
    in_pieces = trainer_of(problem, "float64")
    for trainer in (whole, in_pieces):
        trainer.train(5)
    for array, same in zip(whole.parameters(), in_pieces.parameters(), strict=True):
        np.testing.assert_array_equal(array, same)


def test_a_network_of_one_model_more_does_not_change_the_others() -> None:
    """They do not know of each other."""
    few, more = (trainer_of(catalogue.find(f"many-or-gates:{n}"), "float64") for n in (3, 4))
    for trainer in (few, more):
        trainer.train(100)
    for array, same in zip(few.parameters(), more.parameters(), strict=True):
        np.testing.assert_allclose(array, same[:3], rtol=1e-13)
