"""What every backend with arithmetic of its own computes as `numpy` does, on any network."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from perceptron.backends import registry
from perceptron.backends.protocol import Backend
from perceptron.problems import catalogue
from perceptron.problems.problem import Activation, Loss
from perceptron.problems.start import GivenStart
from tests.backends.conftest import assert_as_numpy, marks, network

every_backend = pytest.mark.parametrize(
    "backend",
    [
        pytest.param(registry.load(name), id=name, marks=marks(name))
        for name in ("numpy-inplace", "python", "numba", "jax-cpu")
    ],
)


@pytest.mark.parametrize("loss", get_args(Loss))
@pytest.mark.parametrize("activation", get_args(Activation))
@every_backend
def test_every_activation_and_loss(backend: Backend, activation: Activation, loss: Loss) -> None:
    """Each backend writes them itself; the families use only a few of them."""
    last: Activation = "sigmoid" if loss == "bce" else "tanh"
    problem = network(((2, activation), (2, activation)), last, loss)
    assert_as_numpy(backend.prepare(problem, "float64"), problem)
    alone = network((), "sigmoid" if loss == "bce" else activation, loss)
    assert_as_numpy(backend.prepare(alone, "float64"), alone)


@every_backend
def test_a_saturated_sigmoid_is_0_and_no_error(backend: Backend) -> None:
    """e⁸⁰⁰ is too large for 64 bits: NumPy would warn of it and math.exp raise."""
    steep = replace(
        catalogue.find("or-gate"),
        start=GivenStart((np.full((2, 1), -800.0), np.full(1, 5.0))),
    )
    assert_as_numpy(backend.prepare(steep, "float64"), steep)


@every_backend
def test_a_training_that_diverges_shows(backend: Backend) -> None:
    """A worker notices it by a loss that is not finite."""
    wild = replace(network(((2, "identity"),), "identity", "mse"), rate=1e3)
    trainer = backend.prepare(wild, "float64")
    with np.errstate(all="ignore"):
        trainer.train(2000)
        assert not np.isfinite(trainer.loss())
