"""PyTorch without autograd: the gradient code of the NumPy backend, over torch's functions."""

from __future__ import annotations

import numpy as np

from perceptron.backends.protocol import LadderStep
from perceptron.backends.shared.gradient import Network, descend, loss_value
from perceptron.backends.shared.kernels import Kernel, trace
from perceptron.backends.shared.threads import thread_variables
from perceptron.backends.torch_eager import CPU
from perceptron.problems.datasets import Array
from perceptron.problems.problem import DType, Problem


class ManualTrainer:
    """See `gradient.descend` for the arithmetic."""

    def __init__(self, problem: Problem, dtype: DType) -> None:
        import torch

        torch.set_float32_matmul_precision("highest")
        kind = getattr(torch, dtype)
        inputs, targets = problem.dataset.load()
        self._start = [torch.tensor(array, dtype=kind) for array in problem.start_parameters()]
        self._network = Network(
            inputs=torch.tensor(inputs, dtype=kind),
            targets=torch.tensor(targets, dtype=kind),
            ones=torch.ones(len(inputs), dtype=kind),
            parameters=[start.clone() for start in self._start],
            activations=tuple(layer.activation for layer in problem.layers),
            loss=problem.loss,
            rate=problem.rate,
        )

    def train(self, iterations: int) -> None:
        import torch

        # Otherwise each operation checks whether autograd has to record it.
        with torch.inference_mode():
            descend(torch, self._network, iterations)

    def reset(self) -> None:
        for parameter, start in zip(self._network.parameters, self._start, strict=True):
            parameter.copy_(start)

    def loss(self) -> float:
        import torch

        return loss_value(torch, self._network)

    def parameters(self) -> list[Array]:
        return [np.array(parameter.numpy()) for parameter in self._network.parameters]


class ManualBackend:
    """What `torch-cpu` computes, without recording it for a backward pass."""

    name = "torch-cpu-manual"
    device = "cpu"
    summary = "PyTorch on the CPU: gradients derived by hand, called from Python"
    rung = LadderStep("autograd: gradients are derived by hand", after="torch-cpu-functional")
    imports = ("torch",)

    def unavailable(self) -> str | None:
        return CPU.unavailable()

    def environment(self, threads: int) -> dict[str, str]:
        return thread_variables(threads)

    def prepare(self, problem: Problem, dtype: DType) -> ManualTrainer:
        trainer = ManualTrainer(problem, dtype)
        trainer.train(2)  # warm up: the thread pool
        trainer.reset()
        return trainer

    def kernels(self, problem: Problem, dtype: DType) -> list[Kernel]:
        """Return what one iteration dispatches; see `kernels.trace`."""
        return trace(lambda: ManualTrainer(problem, dtype))


BACKEND = ManualBackend()
