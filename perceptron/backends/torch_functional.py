"""PyTorch's autograd on plain tensors: no module, no optimizer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from perceptron.backends.protocol import LadderStep
from perceptron.backends.shared.flat_trainer import FlatTrainer
from perceptron.backends.shared.kernels import Kernel, trace
from perceptron.backends.shared.torch_backend import DeviceTrainer, OnTorch
from perceptron.backends.shared.update import update
from perceptron.problems.datasets import Array
from perceptron.problems.problem import Activation, DType, Loss, Problem

if TYPE_CHECKING:
    import torch

# Moves the parameters along their gradients, one for each parameter.
Step = Callable[[Sequence["torch.Tensor"]], None]


class FunctionalTrainer(DeviceTrainer, FlatTrainer):
    """Trains leaf tensors that are views of the flat parameters.

    So every step but that of plain gradient descent changes them in one pass; see `update`.
    """

    def __init__(self, problem: Problem, dtype: DType, device: str) -> None:
        import torch

        super().__init__(problem, dtype, device, classes=True)
        self._lay_out(torch)
        self._leaves = [array.detach().requires_grad_() for array in self._views(self._parameters)]
        self.feed = self.data.feed()
        self._activations = _activations(problem)
        self._loss = _loss_function(problem.loss)

    def train(self, iterations: int) -> None:
        import torch

        leaves, loss, outputs = self._leaves, self._loss, self._outputs
        grad, no_grad = torch.autograd.grad, torch.no_grad
        step = self._step(iterations)
        for inputs, targets in self._fed(iterations):
            gradients = grad(loss(outputs(inputs), targets), leaves)
            with no_grad():
                step(gradients)

    def _step(self, iterations: int) -> Step:
        """Return a function that takes a step; it can be called ``iterations`` times."""
        import torch

        optimizer, state = self._problem.optimizer, self._state
        leaves, flat, factors = self._leaves, self._parameters, self._factors(iterations)
        if optimizer.is_plain:
            rate = optimizer.rate

            def plain(gradients: Sequence[torch.Tensor]) -> None:
                for parameter, gradient in zip(leaves, gradients, strict=True):
                    parameter.sub_(gradient, alpha=rate)

            return plain

        def flattened(gradients: Sequence[torch.Tensor]) -> None:
            joined = torch.cat([gradient.reshape(-1) for gradient in gradients])
            update(torch, optimizer, flat, joined, state, next(factors))

        return flattened

    def _predict(self, inputs: Array) -> Array:
        import torch

        with torch.no_grad():
            return self._host(self._outputs(self._put(inputs)))

    def _outputs(self, inputs: torch.Tensor) -> torch.Tensor:
        import torch

        values = inputs
        layers = zip(self._leaves[::2], self._leaves[1::2], self._activations, strict=True)
        for weights, bias, activate in layers:
            values = torch.addmm(bias, values, weights)
            if activate is not None:
                values = activate(values)
        return values


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
        "cross-entropy": functional.cross_entropy,
    }
    return functions[loss]


class FunctionalBackend(OnTorch):
    """Computes what `torch-cpu` computes, without `nn.Module` and `torch.optim`."""

    one_model = True
    trainer = FunctionalTrainer

    def kernels(self, problem: Problem, dtype: DType) -> list[Kernel]:
        return trace(lambda: self._trainer(problem, dtype, "meta"))


BACKEND = FunctionalBackend(
    "torch-cpu-functional",
    "cpu",
    "PyTorch on the CPU: plain tensors and autograd",
    LadderStep("the module and the optimizer", after="torch-cpu"),
)
