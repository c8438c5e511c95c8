"""PyTorch's trainers of several models at once, in what the contract does not say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from perceptron.backends import registry
from perceptron.backends.torch_cuda_graph import STEPS
from perceptron.backends.torch_eager import EnsembleTrainer
from perceptron.backends.torch_manual import BmmTrainer
from perceptron.problems import catalogue
from perceptron.problems.problem import Problem
from tests.backends.conftest import FOLDS, MANY, ONE_LAYER, OVER_EPOCHS, assert_as_numpy

if registry.reason_unavailable("torch-cpu"):
    pytest.skip(f"torch-cpu: {registry.reason_unavailable('torch-cpu')}", allow_module_level=True)

import torch

from tests.backends.fake_cuda import OnMetaAlone

pytestmark = pytest.mark.usefixtures("one_torch_thread", "capturable_on_a_cpu")

Several = EnsembleTrainer | BmmTrainer
both = pytest.mark.parametrize("kind", [EnsembleTrainer, BmmTrainer])


@both
@pytest.mark.parametrize("problem", [MANY, FOLDS], ids=lambda problem: problem.name)
def test_batches_that_are_copied_are_the_same(kind: type[Several], problem: Problem) -> None:
    """From buffers in host memory, whose short batch is a part of them."""
    trainer = kind(problem, "float64", "cpu")
    trainer.feed = trainer.data.from_host(16, _Event, pin=False)
    assert_as_numpy(trainer, problem, iterations=40, tolerance=OVER_EPOCHS)


class _Event:
    def record(self) -> None: ...

    def synchronize(self) -> None: ...


@both
@pytest.mark.parametrize("problem", [FOLDS, ONE_LAYER], ids=["folds", "one layer"])
def test_torch_models_step_stays_on_device(kind: type[Several], problem: Problem) -> None:
    """No tensor of the host, and nothing that Python must ask a value of."""
    with torch.device("meta"):
        trainer = kind(problem, "float32", "meta", recorded=STEPS)
    batch = trainer.data.feed()(0, 16)
    trainer.take_recorded(1, [batch])
    with OnMetaAlone():  # type: ignore[no-untyped-call]
        trainer.take_recorded(2, [batch, batch])


@pytest.mark.parametrize("name", ["torch-cpu", "torch-cpu-bmm"])
@pytest.mark.parametrize("problem", [replace(MANY, models=1), FOLDS], ids=["one", "folds"])
def test_torch_models_train_in_bfloat16(name: str, problem: Problem) -> None:
    """Losses and parameters come back as NumPy's own numbers, and the loss falls."""
    backend: Any = registry.load(name)
    assert backend.low_precision == ("bfloat16",)
    trainer = backend.prepare(problem, "bfloat16")
    before = trainer.loss()
    trainer.train(60)
    assert trainer.loss() < 0.9 * before
    assert {array.dtype for array in trainer.parameters()} == {np.dtype("float32")}


def test_torch_models_step_count_is_exact_in_bfloat16() -> None:
    """256 + 1 is 256 there."""
    dtype: Any = "bfloat16"
    trainer = EnsembleTrainer(MANY, dtype, "cpu", recorded=STEPS)
    trainer.train(300)
    states = trainer._optimizer.state.values()
    assert [float(state["step"]) for state in states] == [300.0] * 4


def test_phases_end_with_the_whole_iteration() -> None:
    trainer = EnsembleTrainer(MANY, "float32", "cpu")
    phases = trainer.phases()
    assert list(phases)[1:3] == ["batch", "forward, loss and backward under vmap"]
    start = trainer.parameters()
    *before, last = phases.values()
    for loop in before:
        loop(3)
    for array, expected in zip(trainer.parameters(), start, strict=True):
        np.testing.assert_array_equal(array, expected)
    last(3)
    assert any((new != old).any() for new, old in zip(trainer.parameters(), start, strict=True))


def products(name: str, problem: Problem) -> list[Any]:
    backend: Any = registry.load(name)
    kernels: Callable[..., list[Any]] = backend.kernels
    return [kernel for kernel in kernels(problem, "float32") if "mm" in kernel.name]


@pytest.mark.parametrize("name", ["torch-cpu", "torch-cpu-bmm"])
def test_kernels_are_those_of_all_models(name: str) -> None:
    """A product counts for each model, and data that all share are read once."""
    first, *others = products(name, catalogue.find("many-mlps:4"))
    assert first.operations == 4 * 2 * 32 * 64 * 32
    inputs, weights, outputs = 32 * 64, 4 * 64 * 32, 4 * 32 * 32
    biases = 4 * 32 if "baddbmm" in first.name else 0
    assert first.bytes_moved == 4 * (inputs + weights + outputs + biases)
    assert len(others) == 4  # another forward, two of weights, one down to the hidden layer


def test_models_of_one_layer_that_share_their_data_are_one_product() -> None:
    """Of folds it would be a product with other rows."""
    assert not [
        product.name for product in products("torch-cpu-bmm", ONE_LAYER) if "bmm" in product.name
    ]
    folds = products("torch-cpu-bmm", replace(ONE_LAYER, folds=True))
    assert all("bmm" in product.name for product in folds)
