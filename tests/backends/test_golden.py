"""The published numbers, on every backend that can run."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
import pytest

from perceptron.backends import registry
from perceptron.backends.protocol import Unsupported
from perceptron.problems import catalogue
from perceptron.problems.problem import DTYPES, DType
from tests.backends.conftest import marks, trains_models_only

PUBLISHED_ERRORS = [
    *("1.47e+00", "2.33e-01", "1.09e-01", "6.98e-02", "5.10e-02"),
    *("4.00e-02", "3.29e-02", "2.79e-02", "2.43e-02", "2.14e-02"),
]
PUBLISHED_PREDICTIONS = [0.010692, 0.995758, 0.995757, 1.000000]


# Ten thousand iterations take PyTorch seconds: of its backends the usual one shows them, and the
# one that is compiled. The contract holds all of them to the reference, in both dtypes.
SLOW = ("torch-cpu", "torch-cpu-compiled")


def published() -> Iterator[object]:
    """Every backend and dtype, except PyTorch's other backends."""
    for name, dtype in product(registry.names(), DTYPES):
        if name in SLOW and dtype == "float32":
            yield pytest.param(name, dtype, marks=[*marks(name), pytest.mark.slow])
        elif not trains_models_only(name) and not name.startswith(("torch-cpu", "torch-ddp")):
            yield pytest.param(name, dtype, marks=marks(name))


@pytest.mark.parametrize(("name", "dtype"), [*published()])
def test_golden_or_gate_is_learned_as_published(name: str, dtype: DType) -> None:
    """Ten errors to three digits, weights, bias and predictions as the walk-through prints them."""
    try:
        trainer = registry.load(name).prepare(catalogue.find("or-gate"), dtype)
    except Unsupported as reason:
        pytest.skip(f"{name}: {reason}")
    errors = []
    for _ in range(10):
        errors.append(trainer.loss())
        trainer.train(1000)
    assert [f"{error:.2e}" for error in errors] == PUBLISHED_ERRORS
    weights, bias = trainer.parameters()
    if dtype == "float64":
        np.testing.assert_allclose(weights[:, 0], [9.98578506, 9.98589032], atol=5e-9)
        np.testing.assert_allclose(bias, [-4.52752860008788], atol=1e-11)
    else:
        np.testing.assert_allclose(weights[:, 0], [9.985788, 9.985894], atol=1e-4)
        np.testing.assert_allclose(bias, [-4.52752685546875], atol=1e-4)
    inputs, _ = catalogue.find("or-gate").dataset.load()
    predictions = 1 / (1 + np.exp(-(inputs @ weights.astype(float) + bias)))
    np.testing.assert_allclose(predictions[:, 0], PUBLISHED_PREDICTIONS, atol=2e-6)


def test_golden_published_arithmetic_gives_last_digit_of_bias() -> None:
    """Not merely close: the same operations in the same order."""
    trainer = registry.load("numpy-published").prepare(catalogue.find("or-gate"), "float64")
    trainer.train(10_000)
    assert repr(float(trainer.parameters()[1][0])) == "-4.52752860008788"


@pytest.mark.parametrize(("name", "learned"), [("xor", False), ("xor-hidden", True)])
def test_xor_needs_a_hidden_layer(name: str, learned: bool) -> None:
    """A perceptron cannot learn XOR, a hidden layer can."""
    from perceptron.questions.walkthrough.training import walkthrough

    walk = walkthrough(name, ["numpy"], None, lambda *_: None)
    right = (walk.runs[0].predictions > 0.5) == (walk.targets > 0.5)
    assert right.all() == learned
