"""PyTorch's autograd on plain tensors: no module, no optimizer."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from perceptron.backends.protocol import LadderStep
from perceptron.backends.shared.kernels import Kernel, trace
from perceptron.backends.shared.threads import thread_variables
from perceptron.backends.torch_eager import CPU
from perceptron.problems.datasets import Array
from perceptron.problems.problem import Activation, DType, Loss, Problem

if TYPE_CHECKING:
    import torch


class FunctionalTrainer:
    """Parameters are leaf tensors, weights (fan in, fan out), and change in place."""

    def __init__(self, problem: Problem, dtype: DType) -> None:
        import torch

        torch.set_float32_matmul_precision("highest")
        kind = getattr(torch, dtype)
        inputs, targets = problem.dataset.load()
        self._inputs = torch.tensor(inputs, dtype=kind)
        self._targets = torch.tensor(targets, dtype=kind)
        self._start = [torch.tensor(array, dtype=kind) for array in problem.start_parameters()]
        self._parameters = [start.clone().requires_grad_() for start in self._start]
        self._activations = _activations(problem)
        self._loss = _loss_function(problem.loss)
        self._rate = problem.rate

    def train(self, iterations: int) -> None:
        import torch

        parameters, rate, grad, no_grad = (
            self._parameters,
            self._rate,
            torch.autograd.grad,
            torch.no_grad,
        )
        for _ in range(iterations):
            gradients = grad(self._error(), parameters)
            with no_grad():
                for parameter, gradient in zip(parameters, gradients, strict=True):
                    parameter.sub_(gradient, alpha=rate)

    def reset(self) -> None:
        import torch

        with torch.no_grad():
            for parameter, start in zip(self._parameters, self._start, strict=True):
                parameter.copy_(start)

    def loss(self) -> float:
        import torch

        with torch.no_grad():
            return float(self._error().item())

    def parameters(self) -> list[Array]:
        return [np.array(parameter.detach().numpy()) for parameter in self._parameters]

    def _error(self) -> torch.Tensor:
        import torch

        values = self._inputs
        layers = zip(self._parameters[::2], self._parameters[1::2], self._activations, strict=True)
        for weights, bias, activate in layers:
            values = torch.addmm(bias, values, weights)
            if activate is not None:
                values = activate(values)
        return self._loss(values, self._targets)


def _activations(problem: Problem) -> list[Callable[[torch.Tensor], torch.Tensor] | None]:
    import torch

    functions: dict[Activation, Callable[[torch.Tensor], torch.Tensor] | None] = {
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        "relu": torch.relu,
        "identity": None,
    }
    return [functions[layer.activation] for layer in problem.layers]


def _loss_function(loss: Loss) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    from torch.nn import functional

    functions: dict[Loss, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
        "l1-sum": partial(functional.l1_loss, reduction="sum"),
        "l1-mean": functional.l1_loss,
        "mse": functional.mse_loss,
        "bce": functional.binary_cross_entropy,
    }
    return functions[loss]


class FunctionalBackend:
    """What `torch-cpu` computes, without `nn.Module` and `torch.optim` around it."""

    name = "torch-cpu-functional"
    device = "cpu"
    summary = "PyTorch on the CPU: plain tensors and autograd"
    rung = LadderStep("the module and the optimizer", after="torch-cpu")
    imports = ("torch",)

    def unavailable(self) -> str | None:
        return CPU.unavailable()

    def environment(self, threads: int) -> dict[str, str]:
        return thread_variables(threads)

    def prepare(self, problem: Problem, dtype: DType) -> FunctionalTrainer:
        trainer = FunctionalTrainer(problem, dtype)
        trainer.train(2)  # warm up: thread pool, autograd's own threads
        trainer.reset()
        return trainer

    def kernels(self, problem: Problem, dtype: DType) -> list[Kernel]:
        """Return what one iteration dispatches; see `kernels.trace`."""
        return trace(lambda: FunctionalTrainer(problem, dtype))


BACKEND = FunctionalBackend()
