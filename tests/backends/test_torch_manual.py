from __future__ import annotations

import pytest

from perceptron.backends import registry
from perceptron.backends.torch_manual import BACKEND, CUDA_BACKEND, ManualTrainer
from perceptron.problems import catalogue

if registry.reason_unavailable("torch-cpu"):
    pytest.skip(f"torch-cpu: {registry.reason_unavailable('torch-cpu')}", allow_module_level=True)

import torch


def test_an_iteration_dispatches_the_same_on_either_device() -> None:
    """Neither makes an operation that the other does not."""
    problem = catalogue.find("digits")
    assert CUDA_BACKEND.kernels(problem, "float32") == BACKEND.kernels(problem, "float32")


@pytest.mark.parametrize("name", ["or-gate", "digits"])
def test_everything_lies_on_the_device(name: str) -> None:
    """A tensor left on the host would be copied in each iteration, or could not be used at all."""
    trainer = ManualTrainer(catalogue.find(name), "float32", "meta", recorded=10)
    trainer.train(3)
    pending, tensors = [vars(trainer)], []
    while pending:
        for value in pending.pop().values():
            if isinstance(value, torch.Tensor):
                tensors.append(value)
            elif isinstance(value, dict):
                pending.append(value)
            elif isinstance(value, tuple):
                pending.append(dict(enumerate(value)))
            elif type(value).__module__.startswith("perceptron.backends"):
                pending.append(getattr(value, "__dict__", {}))
    assert len(tensors) > 6
    assert {tensor.device.type for tensor in tensors} == {"meta"}


def test_products_are_in_full_precision() -> None:
    torch.set_float32_matmul_precision("high")
    ManualTrainer(catalogue.find("or-gate"), "float32")
    assert torch.get_float32_matmul_precision() == "highest"
