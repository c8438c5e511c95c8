from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptron.backends.numpy_backend import BACKEND
from perceptron.backends.numpy_trainer import NumpyTrainer
from perceptron.problems.optimizer import Sgd
from perceptron.problems.problem import Activation, Loss, Problem
from tests.backends.conftest import network

smooth = st.sampled_from(["sigmoid", "tanh", "identity"])


def problem(
    layers: list[tuple[int, Activation]],
    last: Activation,
    loss: Loss,
    rate: float,
    outputs: int = 1,
) -> Problem:
    optimizer = Sgd(rate=rate)
    return network(tuple(layers), last, loss, classes=outputs, optimizer=optimizer)


@given(
    layers=st.lists(st.tuples(st.integers(1, 5), smooth), max_size=3),
    last=smooth,
    loss=st.sampled_from(get_args(Loss)),
    outputs=st.integers(1, 4),
)
def test_gradients_are_the_slopes_of_the_loss(
    layers: list[tuple[int, Activation]], last: Activation, loss: Loss, outputs: int
) -> None:
    """One step moves each parameter by −rate · ∂loss/∂parameter, by central differences."""
    if loss == "bce":
        last = "sigmoid"  # its logarithms want outputs between 0 and 1
    rate, nudge = 1e-3, 1e-6
    trainer = NumpyTrainer(problem(layers, last, loss, rate, outputs), "float64")
    before = trainer.parameters()
    trainer.train(1)
    steps = [new - old for new, old in zip(trainer.parameters(), before, strict=True)]
    trainer.reset()
    for array, step in zip(trainer._network.arrays, steps, strict=True):
        for index in np.ndindex(array.shape):
            kept = array[index]
            array[index] = kept + nudge
            above = trainer.loss()
            array[index] = kept - nudge
            below = trainer.loss()
            array[index] = kept
            slope = (above - below) / (2 * nudge)
            assert step[index] == pytest.approx(-rate * slope, rel=1e-4, abs=1e-10)


def test_an_exact_hit_has_no_gradient() -> None:
    """sign(f − t) is 0 where |f − t| / (f − t) would be 0/0."""
    exact = problem([], "identity", "l1-sum", 0.1)
    trainer = NumpyTrainer(exact, "float64")
    weights, bias = trainer._network.arrays
    trainer._whole = trainer._whole._replace(targets=trainer._inputs @ weights + bias)
    before = trainer.parameters()
    trainer.train(5)
    for old, new in zip(before, trainer.parameters(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_saturated_sigmoid_warns_of_nothing() -> None:
    """exp may overflow on the way to the right answer, 0; the test run turns warnings to errors."""
    steep = problem([], "sigmoid", "l1-mean", 1e6)
    trainer = BACKEND.prepare(steep, "float32")
    trainer.train(50)
    assert np.isfinite(trainer.loss())
