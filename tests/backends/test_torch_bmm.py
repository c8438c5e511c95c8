"""What trains several models by hand: how their layers lie, one model, and what is not recorded."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from perceptron.backends import registry
from perceptron.backends.torch_bmm import BACKEND, CUDA_BACKEND, BmmTrainer, Stack, WideLayer
from perceptron.problems import catalogue
from perceptron.problems.problem import Layer, Problem
from tests.backends.batched import FOLDS, MANY, SHORT_LAST, assert_trains_as_numpy

if registry.reason_unavailable("torch-cpu"):
    pytest.skip(f"torch-cpu: {registry.reason_unavailable('torch-cpu')}", allow_module_level=True)

import torch

ONE_LAYER = replace(MANY, layers=(Layer(4, "identity"),))

pytestmark = pytest.mark.usefixtures("one_torch_thread")


@pytest.mark.parametrize(
    ("problem", "kind"),
    [
        (catalogue.find("many-or-gates:16"), WideLayer),
        (ONE_LAYER, WideLayer),
        (replace(ONE_LAYER, folds=True), Stack),  # a product of all would be of other rows
        (MANY, Stack),
    ],
    ids=["or-gates", "classifiers", "folds", "hidden layer"],
)
def test_models_of_one_layer_that_share_their_data_are_one_product(
    problem: Problem, kind: type
) -> None:
    """And no other models; of either kind each model's arrays come back apart."""
    trainer = BmmTrainer(problem, "float64", "cpu")
    assert type(trainer._layers) is kind
    for array, start in zip(trainer.parameters(), problem.stacked_start(), strict=True):
        np.testing.assert_array_equal(array, start)


@pytest.mark.parametrize(
    "problem",
    [SHORT_LAST, replace(SHORT_LAST, layers=ONE_LAYER.layers)],
    ids=["hidden layer", "one layer"],
)
def test_one_model_is_a_stack_of_one(problem: Problem) -> None:
    """Nobody sees the axis."""
    trainer = BmmTrainer(problem, "float64", "cpu")
    shapes = [array.shape for array in trainer.parameters()]
    assert shapes == [array.shape for array in problem.start_parameters()]
    assert_trains_as_numpy(trainer, problem, 30)


@pytest.mark.parametrize("problem", [MANY, FOLDS, ONE_LAYER], ids=["many", "folds", "one layer"])
def test_an_iteration_dispatches_the_same_on_either_device(problem: Problem) -> None:
    assert CUDA_BACKEND.kernels(problem, "float32") == BACKEND.kernels(problem, "float32")


def test_a_step_has_neither_vmap_nor_autograd(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which is what it removes."""

    def used(*arguments: object, **options: object) -> None:
        raise AssertionError

    monkeypatch.setattr(torch.func, "vmap", used)
    monkeypatch.setattr(torch.autograd, "backward", used)
    monkeypatch.setattr(torch.autograd, "grad", used)
    trainer = BmmTrainer(FOLDS, "float32", "cpu")
    trainer.train(3)
    assert not any(array.requires_grad for array in trainer._layers.arrays)


def test_products_are_in_full_precision() -> None:
    torch.set_float32_matmul_precision("high")
    BmmTrainer(MANY, "float32", "cpu")
    assert torch.get_float32_matmul_precision() == "highest"
