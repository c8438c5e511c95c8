"""Several models at once, small enough to train in a moment, and what holds for every trainer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from perceptron.backends.numpy_backend import BACKEND as NUMPY
from perceptron.backends.protocol import Trainer
from perceptron.problems.datasets import Clusters
from perceptron.problems.optimizer import Sgd
from perceptron.problems.problem import Layer, Problem
from perceptron.problems.start import FanInStart

CLASSIFIERS = Problem(
    name="classifiers",
    family="classifiers",
    size=5,
    dataset=Clusters("clusters", 50, 6, classes=3),
    layers=(Layer(7, "tanh"), Layer(3, "identity")),
    loss="cross-entropy",
    optimizer=Sgd(rate=0.2, momentum=0.9, weight_decay=0.01),
    start=FanInStart(),
    batch=12,
    models=5,
)
"""Five classifiers; batches of 12 rows of 50, the last one short."""

FOLDS_AT_ONCE = replace(CLASSIFIERS, name="folds-at-once", folds=True, batch=None)
"""Each without a fold of ten rows, all others in each iteration."""

ONE_LAYER = replace(
    CLASSIFIERS,
    name="one-layer",
    layers=(Layer(3, "identity"),),
    optimizer=Sgd(rate=0.2, momentum=0.9),
    folds=True,
)
"""Few parameters each, and folds in batches of 12 rows of 40."""


def assert_each_as_alone(trainer: Trainer, problem: Problem, iterations: int) -> None:
    """In float64 so many iterations leave each model where NumPy leaves it trained alone.

    Losses and accuracies, on both parts, are the means of those.
    """
    trainer.train(iterations)
    alone = [NUMPY.prepare(problem.single(index), "float64") for index in range(problem.models)]
    for single in alone:
        single.train(iterations)
    arrays = zip(*(single.parameters() for single in alone), strict=True)
    for actual, expected in zip(trainer.parameters(), arrays, strict=True):
        np.testing.assert_allclose(actual, np.stack(expected), rtol=1e-9, atol=1e-12)
    evaluations = [single.evaluate() for single in alone]
    ours = trainer.evaluate()
    assert ours.train.loss == pytest.approx(np.mean([own.train.loss for own in evaluations]))
    assert (ours.test is None) == (evaluations[0].test is None)
    if ours.test is not None:
        held_out = [own.test for own in evaluations if own.test is not None]
        assert ours.test.loss == pytest.approx(np.mean([score.loss for score in held_out]))
        accuracies = [score.accuracy or 0.0 for score in held_out]
        assert ours.test.accuracy == pytest.approx(np.mean(accuracies))
