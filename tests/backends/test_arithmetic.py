"""What every backend with arithmetic of its own computes as `numpy` does, on any network.

The contract trains them by batches, by every optimizer and on several models.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import cycle, product
from typing import get_args

import numpy as np
import pytest

from perceptron.backends import registry
from perceptron.backends.numpy_backend import BACKEND as NUMPY
from perceptron.backends.protocol import Backend
from perceptron.problems import catalogue
from perceptron.problems.optimizer import Sgd
from perceptron.problems.problem import Activation, Loss, Problem
from perceptron.problems.start import GivenStart
from tests.backends.conftest import assert_as_numpy, marks, needs, network
from tests.stand_in import use_stand_ins

TORCH, COMPILED = ("torch-cpu", "torch-cpu-functional", "torch-cpu-manual"), ("numba", "jax-cpu")
INTERPRETED = ("numpy-inplace", "python", *TORCH)
"""Backends that take a network in no time, and those that compile each for a second."""


def of(*names: str, slow: tuple[str, ...] = ()) -> pytest.MarkDecorator:
    """Run a test for each of these backends."""
    return pytest.mark.parametrize(
        "backend",
        [
            pytest.param(
                registry.load(name),
                id=name,
                marks=[*marks(name), *([pytest.mark.slow] if name in slow else [])],
            )
            for name in names
        ],
    )


def networks(every: bool) -> Iterator[Problem]:
    """Return each activation with each loss, or every one of both once; plain and other sgd."""
    activations, losses = get_args(Activation), get_args(Loss)
    pairs = product(activations, losses) if every else zip(cycle(activations), losses, strict=False)
    activation: Activation
    loss: Loss
    for (activation, loss), optimizer in zip(pairs, cycle(_SGD), strict=False):
        last: Activation = "sigmoid" if loss == "bce" else "tanh"
        yield network(((2, activation), (2, activation)), last, loss)
        ends: Activation = "sigmoid" if loss == "bce" else activation
        if every or loss in ("mse", "bce"):
            hidden: tuple[tuple[int, Activation], ...] = ((4, activation),)  # many parameters
            yield network(hidden, ends, loss, rows=11, classes=4, batch=4, optimizer=optimizer)
        if every:
            yield network((), ends, loss)
            yield network((), ends, loss, rows=11, classes=4)


_SGD = (
    Sgd(rate=0.05, weight_decay=0.1),
    Sgd(rate=0.05, momentum=0.9, nesterov=True, weight_decay=0.1),
)


@of(*INTERPRETED, *COMPILED, slow=COMPILED)
def test_backends_train_any_network_as_numpy(backend: Backend) -> None:
    """Each writes losses and activations itself; the families use only a few of them."""
    for problem in networks(every=backend.name in INTERPRETED):
        assert_as_numpy(backend.prepare(problem, "float64"), problem)


@of(*INTERPRETED, *COMPILED)
def test_values_too_large_for_an_exponential_are_trained_on(backend: Backend) -> None:
    """e⁸⁰⁰ is too large for 64 bits: NumPy would warn of it and math.exp raise."""
    weights = np.full((3, 3), 300.0) * np.eye(3)
    softmax = network((), "identity", "cross-entropy", rows=9)
    for problem, start in (
        (softmax, (weights, np.array([0.0, 1000.0, -1000.0]))),
        (catalogue.find("or-gate"), (np.full((2, 1), -800.0), np.full(1, 5.0))),
    ):
        steep = replace(problem, start=GivenStart(start))
        assert_as_numpy(backend.prepare(steep, "float64"), steep)


@of(*INTERPRETED, *COMPILED)
def test_backends_show_divergence_in_loss(backend: Backend) -> None:
    """A worker notices it by a loss that is not finite."""
    wild = replace(network(((2, "identity"),), "identity", "mse"), optimizer=Sgd(rate=1e3))
    trainer = backend.prepare(wild, "float64")
    with np.errstate(all="ignore"):
        trainer.train(2000)
        assert not np.isfinite(trainer.loss())


# Those of a GPU take several steps in a graph, or in a loop of known length.
REPEATING = ("jax-cuda", "torch-cuda-graph", "torch-cuda-manual-graph")


@pytest.mark.parametrize(
    "name", ["torch-cpu-dataloader", "torch-cpu-compiled", *TORCH, *COMPILED, *REPEATING]
)
@pytest.mark.usefixtures("traced_not_compiled")
def test_orders_begin_again_after_a_cycle(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Epochs have a limited number of orders, after which the first is next, in any call."""
    use_stand_ins(monkeypatch)
    needs(name)
    monkeypatch.setattr("perceptron.problems.batches.CYCLE", 2)
    problem = network(
        ((6, "tanh"),),
        "identity",
        "cross-entropy",
        rows=27,
        optimizer=Sgd(rate=0.05, momentum=0.9),
        batch=5,
        keep="drop" if name in REPEATING else "keep",
    )
    assert problem.batches is not None
    assert problem.batches.cycle == (10 if name in REPEATING else 12)
    trainer = registry.load(name).prepare(problem, "float64")
    trainer.train(13)
    trainer.train(18)
    numpy = NUMPY.prepare(problem, "float64")
    numpy.train(31)
    for ours, theirs in zip(trainer.parameters(), numpy.parameters(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)
