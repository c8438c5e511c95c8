"""PyTorch without autograd: the gradient code of the NumPy backend, over torch's functions."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import count, repeat
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from perceptron.backends.protocol import Evaluation, LadderStep
from perceptron.backends.shared.evaluation import evaluate
from perceptron.backends.shared.gradient import (
    Batch,
    Step,
    batch_of,
    forward,
    network_of,
    slope_scale,
    train,
    whole_batch,
)
from perceptron.backends.shared.kernels import Kernel, trace
from perceptron.backends.shared.threads import thread_variables
from perceptron.backends.shared.update import adam_factors, start_state, update
from perceptron.backends.torch_eager import CPU
from perceptron.problems.batches import Batches
from perceptron.problems.datasets import Array
from perceptron.problems.optimizer import Adam
from perceptron.problems.problem import DType, Problem

if TYPE_CHECKING:
    import torch


@cache
def functions() -> ModuleType:
    """Return torch's functions, with the products that it need not choose between."""
    import torch

    def matmul(
        left: torch.Tensor, right: torch.Tensor, *, out: torch.Tensor | None = None
    ) -> torch.Tensor:
        if left.dim() == 1:  # `torch.matmul` would make a matrix of ``out``
            return torch.mv(right.T, left, out=out)
        return torch.mm(left, right, out=out)

    module = ModuleType("torch")
    vars(module).update(vars(torch), matmul=matmul)
    return module


class ManualTrainer:
    """See `gradient.train` and `update` for the arithmetic.

    A batch is gathered by its indices in the timed loop, whatever the problem's ``feed``: the host
    is the device.
    """

    def __init__(self, problem: Problem, dtype: DType) -> None:
        import torch

        torch.set_float32_matmul_precision("highest")
        self._problem, self._dtype = problem, getattr(torch, dtype)
        part = problem.training_part()
        self._inputs, self._targets = self._tensor(part.inputs), self._tensor(part.targets)
        flat = np.concatenate([array.ravel() for array in problem.start_parameters()])
        self._start = self._tensor(flat)
        self._network = network_of(problem, self._start.clone(), torch.zeros_like(self._start))
        self._state = start_state(torch, problem.optimizer, self._start)
        self._iteration = 0
        self._batches = problem.batches
        if self._batches is None:
            scale = self._scale(len(self._inputs))
            self._whole = whole_batch(self._network, self._inputs, self._targets, scale)
        else:
            self._orders = torch.tensor(self._batches.orders)
            sizes = (self._batches.size, self._batches.shortest)
            self._scales = {rows: self._scale(rows) for rows in sizes}
            self._ones = {rows: torch.ones(rows, dtype=self._dtype) for rows in sizes}

    def train(self, iterations: int) -> None:
        import torch

        step = self._step_after(self._iteration)
        # Otherwise each operation checks whether autograd has to record it.
        with torch.inference_mode():
            train(functions(), self._network, self._fed(iterations), step)
        self._iteration += iterations

    def reset(self) -> None:
        self._network.parameters.copy_(self._start)
        for array in self._state:
            array.zero_()
        self._iteration = 0

    def loss(self) -> float:
        return self.evaluate().train.loss

    def evaluate(self) -> Evaluation:
        return evaluate(self._problem, self._predict)

    def parameters(self) -> list[Array]:
        return [np.array(array.numpy()) for array in self._network.arrays]

    def _predict(self, inputs: Array) -> Array:
        import torch

        with torch.inference_mode():
            outputs: Array = forward(functions(), self._network, self._tensor(inputs))[-1].numpy()
        return outputs

    def _tensor(self, array: Array) -> torch.Tensor:
        import torch

        # A copy: data sets are read-only, and torch would warn that it cannot promise that.
        return torch.tensor(array, dtype=self._dtype)

    def _scale(self, rows: int) -> torch.Tensor:
        """Return what scales the slope on a batch: also the rate, where a step is no more."""
        import torch

        problem = self._problem
        scale = slope_scale(problem.loss, rows, problem.outputs)
        if problem.optimizer.is_plain:
            scale *= problem.rate
        return torch.tensor(scale, dtype=self._dtype)

    def _fed(self, iterations: int) -> Iterator[Batch]:
        """Return the next batches, each gathered when its turn comes."""
        if self._batches is None:
            return repeat(self._whole, iterations)
        return self._gathered(self._batches, iterations)

    def _gathered(self, batches: Batches, iterations: int) -> Iterator[Batch]:
        inputs, targets, orders = self._inputs, self._targets, self._orders
        ones, scales = self._ones, self._scales
        for begin, end in batches.spans(self._iteration, iterations):
            rows, size = orders[begin:end], end - begin
            yield batch_of(
                inputs.index_select(0, rows),
                targets.index_select(0, rows),
                ones[size],
                scales[size],
            )

    def _step_after(self, iterations: int) -> Step:
        """Return what takes the next steps after so many."""
        import torch

        optimizer, state = self._problem.optimizer, self._state
        parameters, gradients = self._network.parameters, self._network.gradients
        if optimizer.is_plain:

            def plain() -> None:
                parameters.sub_(gradients)

            return plain
        if not isinstance(optimizer, Adam):

            def with_momentum() -> None:
                update(torch, optimizer, parameters, gradients, state)

            return with_momentum
        numbers = count(iterations + 1)

        def adam() -> None:
            factors = adam_factors(optimizer, next(numbers))
            update(torch, optimizer, parameters, gradients, state, factors)

        return adam


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
