"""What every backend with arithmetic of its own computes as `numpy` does, on any network."""

from __future__ import annotations

from dataclasses import replace
from itertools import cycle
from typing import get_args

import numpy as np
import pytest

from perceptron.backends import registry
from perceptron.backends.numpy_backend import BACKEND as NUMPY
from perceptron.backends.protocol import Backend, Trainer, Unsupported
from perceptron.problems import catalogue
from perceptron.problems.batches import Last
from perceptron.problems.optimizer import Adam, AdamW, Optimizer, Sgd
from perceptron.problems.problem import Activation, Loss, Problem
from perceptron.problems.start import GivenStart
from tests.backends.conftest import assert_as_numpy, marks, network

OURS, COMPILED = ("numpy-inplace", "python"), ("numba", "jax-cpu")
TORCH = ("torch-cpu", "torch-cpu-functional", "torch-cpu-manual")
INTERPRETED = (*OURS, *TORCH)
"""Backends that take a combination in no time, and those that compile each for a second."""
SLOW = pytest.mark.slow


def _param(name: str, *values: object, slow: bool = False) -> object:
    identifier = "-".join([name, *(getattr(value, "kind", str(value)) for value in values)])
    all_marks = [*marks(name), *([SLOW] if slow else [])]
    return pytest.param(registry.load(name), *values, id=identifier, marks=all_marks)


every_backend = pytest.mark.parametrize(
    "backend", [_param(name) for name in (*INTERPRETED, *COMPILED)]
)


@pytest.mark.parametrize(
    ("backend", "activation", "loss"),
    [
        *(
            _param(name, activation, loss)
            for name in INTERPRETED
            for activation in get_args(Activation)
            for loss in get_args(Loss)
        ),
        # The slope of a loss and that of an activation are two factors: each is tried once.
        *(
            _param(name, activation, loss, slow=loss not in ("mse", "bce"))
            for name in COMPILED
            for activation, loss in zip(cycle(get_args(Activation)), get_args(Loss), strict=False)
        ),
    ],
)
def test_every_activation_and_loss(backend: Backend, activation: Activation, loss: Loss) -> None:
    """Each backend writes them itself; the families use only a few of them."""
    last: Activation = "sigmoid" if loss == "bce" else "tanh"
    problem = network(((2, activation), (2, activation)), last, loss)
    assert_as_numpy(backend.prepare(problem, "float64"), problem)
    alone = network((), "sigmoid" if loss == "bce" else activation, loss)
    assert_as_numpy(backend.prepare(alone, "float64"), alone)


KINDS = [
    Sgd(rate=0.05, momentum=0.9),
    Sgd(rate=0.05, momentum=0.9, nesterov=True, weight_decay=0.1),
    Sgd(rate=0.05, weight_decay=0.1),
    Adam(rate=0.01),
    Adam(rate=0.01, weight_decay=0.1),
    AdamW(rate=0.01),
]
FEW = (KINDS[1],)


@pytest.mark.parametrize(
    ("backend", "optimizer", "keep"),
    [
        _param(name, optimizer, keep, slow=name in COMPILED and optimizer not in FEW)
        for name in (*INTERPRETED, *COMPILED)
        for optimizer in KINDS
        for keep in get_args(Last)
        if name in OURS or keep == "keep" or optimizer is KINDS[0]
    ],
)
def test_every_optimizer_on_batches_over_epochs(
    backend: Backend, optimizer: Optimizer, keep: Last
) -> None:
    """23 rows in batches of 5: the last has 3, and 20 iterations end in the middle of an epoch."""
    problem = network(
        ((4, "relu"), (3, "tanh")),
        "identity",
        "cross-entropy",
        rows=23,
        optimizer=optimizer,
        batch=5,
        keep=keep,
    )
    assert_as_numpy(_prepared(backend, problem), problem)
    trainer = _prepared(backend, problem)
    trainer.train(7)
    trainer.reset()
    assert_as_numpy(trainer, problem)


@pytest.mark.parametrize(
    ("backend", "loss", "batch"),
    [
        _param(name, loss, batch, slow=name in COMPILED)
        for name in (*INTERPRETED, *COMPILED)
        for loss in get_args(Loss)
        for batch in (None, 4)
        if name in OURS or batch or loss == "mse"
    ],
)
def test_several_outputs_under_every_loss(backend: Backend, loss: Loss, batch: int | None) -> None:
    """Classes become one target for each output."""
    hidden: tuple[tuple[int, Activation], ...]
    for hidden in ((), ((4, "sigmoid"),)):
        problem = network(hidden, "sigmoid", loss, rows=11, classes=4, batch=batch)
        assert_as_numpy(_prepared(backend, problem), problem)


@every_backend
def test_a_softmax_of_large_values_is_finite(backend: Backend) -> None:
    """e¹⁰⁰⁰ is too large for 64 bits: the largest value is taken off first."""
    steep = replace(
        network((), "identity", "cross-entropy", rows=9),
        start=GivenStart((np.full((3, 3), 300.0) * np.eye(3), np.array([0.0, 1000.0, -1000.0]))),
    )
    assert_as_numpy(_prepared(backend, steep), steep)


def _prepared(backend: Backend, problem: Problem) -> Trainer:
    try:
        return backend.prepare(problem, "float64")
    except Unsupported as reason:
        pytest.skip(f"{backend.name}: {reason}")


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
    wild = replace(network(((2, "identity"),), "identity", "mse"), optimizer=Sgd(rate=1e3))
    trainer = backend.prepare(wild, "float64")
    with np.errstate(all="ignore"):
        trainer.train(2000)
        assert not np.isfinite(trainer.loss())


@pytest.mark.parametrize(
    "backend",
    [_param(name) for name in ("torch-cpu-dataloader", "torch-cpu-compiled", *TORCH, *COMPILED)],
)
@pytest.mark.usefixtures("traced_not_compiled")
def test_orders_begin_again_after_a_cycle(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Epochs have a limited number of orders, after which the first is next, in any call."""
    monkeypatch.setattr("perceptron.problems.batches.CYCLE", 2)
    problem = network(
        ((6, "tanh"),), "identity", "cross-entropy", 27, optimizer=KINDS[0], batch=5, classes=3
    )
    assert problem.batches is not None
    assert problem.batches.cycle == 12
    trainer = backend.prepare(problem, "float64")
    trainer.train(13)
    trainer.train(18)
    numpy = NUMPY.prepare(problem, "float64")
    numpy.train(31)
    for ours, theirs in zip(trainer.parameters(), numpy.parameters(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)
