"""PyTorch as its tutorials write it: nn.Sequential, a loss module, SGD and autograd."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import repeat
from typing import TYPE_CHECKING

import numpy as np

from perceptron import optional
from perceptron.backends.protocol import Evaluation, LadderStep
from perceptron.backends.shared.cuda import torch_unavailable
from perceptron.backends.shared.evaluation import evaluate
from perceptron.backends.shared.kernels import Kernel, trace
from perceptron.backends.shared.threads import thread_variables
from perceptron.problems.datasets import Array
from perceptron.problems.optimizer import AdamW, Optimizer, Sgd
from perceptron.problems.problem import Activation, DType, Loss, Problem
from perceptron.problems.targets import classes_of

if TYPE_CHECKING:
    import torch


class TorchTrainer:
    """One device is an argument; everything else is the same on all of them."""

    def __init__(self, problem: Problem, dtype: DType, device: str) -> None:
        import torch

        # TF32 products have 10 bits of mantissa: faster, and not what was asked for.
        torch.set_float32_matmul_precision("highest")
        self._device = torch.device(device)
        self._dtype = getattr(torch, dtype)
        part = problem.training_part()
        self._problem = problem
        self._inputs = self._tensor(part.inputs)
        self._targets = self._target_tensor(part.targets)
        self._batches, self._iteration = problem.batches, 0
        if self._batches is not None:
            self._orders = torch.from_numpy(self._batches.orders).to(self._device)
        self._start = [self._tensor(array) for array in problem.start_parameters()]
        self._model = self._build(problem)
        self._loss = _loss_module(problem.loss)
        self._optimizer = optimizer_of(problem.optimizer, self._model.parameters())
        self.reset()

    def train(self, iterations: int) -> None:
        model, loss, optimizer = self._model, self._loss, self._optimizer
        for inputs, targets in self._fed(iterations):
            error = loss(model(inputs), targets)
            optimizer.zero_grad()
            error.backward()
            optimizer.step()
        self._synchronize()

    def _fed(self, iterations: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Yield inputs and targets of the next iterations, gathered when their turn comes."""
        inputs, targets = self._inputs, self._targets
        if self._batches is None:
            yield from repeat((inputs, targets), iterations)
            return
        orders = self._orders
        for begin, end in self._batches.spans(self._iteration, iterations):
            rows = orders[begin:end]
            yield inputs.index_select(0, rows), targets.index_select(0, rows)
        self._iteration += iterations

    def phases(self) -> dict[str, Callable[[int], None]]:
        """Return loops over iterations, each of which ends one iteration phase later than the last.

        The last is a whole iteration; the differences are what each phase takes.
        """
        model, loss, optimizer = self._model, self._loss, self._optimizer
        inputs, targets = self._inputs, self._targets

        def nothing(iterations: int) -> None:
            for _ in range(iterations):
                pass

        def forward(iterations: int) -> None:
            for _ in range(iterations):
                model(inputs)
            self._synchronize()

        def with_loss(iterations: int) -> None:
            for _ in range(iterations):
                loss(model(inputs), targets)
            self._synchronize()

        def with_zero_grad(iterations: int) -> None:
            for _ in range(iterations):
                loss(model(inputs), targets)
                optimizer.zero_grad()
            self._synchronize()

        def with_backward(iterations: int) -> None:
            for _ in range(iterations):
                error = loss(model(inputs), targets)
                optimizer.zero_grad()
                error.backward()
            self._synchronize()

        return {
            "Python's loop": nothing,
            "forward": forward,
            "loss": with_loss,
            "zero_grad": with_zero_grad,
            "backward": with_backward,
            "optimizer step": self.train,
        }

    def reset(self) -> None:
        import torch

        with torch.no_grad():
            for parameter, start in zip(self._model.parameters(), self._start, strict=True):
                # nn.Linear keeps weights as (fan out, fan in).
                parameter.copy_(start.T if start.ndim == 2 else start)
        self._optimizer.state.clear()
        self._iteration = 0
        self._synchronize()

    def loss(self) -> float:
        import torch

        with torch.no_grad():
            return float(self._loss(self._model(self._inputs), self._targets).item())

    def evaluate(self) -> Evaluation:
        return evaluate(self._problem, self._predict)

    def _predict(self, inputs: Array) -> Array:
        import torch

        with torch.no_grad():
            outputs: Array = self._model(self._tensor(inputs)).cpu().numpy()
        return outputs

    def parameters(self) -> list[Array]:
        arrays = [parameter.detach().cpu().numpy() for parameter in self._model.parameters()]
        return [np.array(array.T if array.ndim == 2 else array) for array in arrays]

    def _build(self, problem: Problem) -> torch.nn.Sequential:
        from torch import nn

        activations: dict[Activation, type[nn.Module]] = {
            "sigmoid": nn.Sigmoid,
            "tanh": nn.Tanh,
            "relu": nn.ReLU,
        }
        modules: list[nn.Module] = []
        for fan_in, layer in zip(problem.widths, problem.layers, strict=False):
            modules.append(nn.Linear(fan_in, layer.width, dtype=self._dtype, device=self._device))
            if layer.activation != "identity":
                modules.append(activations[layer.activation]())
        return nn.Sequential(*modules)

    def _tensor(self, array: Array) -> torch.Tensor:
        import torch

        # A copy: data sets are read-only, and torch would warn that it cannot promise that.
        return torch.tensor(array, dtype=self._dtype, device=self._device)

    def _target_tensor(self, targets: Array) -> torch.Tensor:
        import torch

        if self._problem.loss == "cross-entropy":  # torch takes classes
            return torch.tensor(classes_of(targets), device=self._device)
        return self._tensor(targets)

    def _synchronize(self) -> None:
        if self._device.type == "cuda":
            import torch

            torch.cuda.synchronize(self._device)


def optimizer_of(
    optimizer: Optimizer, parameters: Iterable[torch.nn.Parameter]
) -> torch.optim.Optimizer:
    """Return PyTorch's own optimizer of this description."""
    import torch

    if isinstance(optimizer, Sgd):
        return torch.optim.SGD(
            parameters,
            lr=optimizer.rate,
            momentum=optimizer.momentum,
            nesterov=optimizer.nesterov,
            weight_decay=optimizer.weight_decay,
        )
    kind = torch.optim.AdamW if isinstance(optimizer, AdamW) else torch.optim.Adam
    return kind(
        parameters,
        lr=optimizer.rate,
        betas=optimizer.betas,
        eps=optimizer.eps,
        weight_decay=optimizer.weight_decay,
    )


def _loss_module(loss: Loss) -> torch.nn.Module:
    from torch import nn

    if loss == "l1-sum":
        return nn.L1Loss(reduction="sum")
    means: dict[Loss, type[nn.Module]] = {
        "l1-mean": nn.L1Loss,
        "mse": nn.MSELoss,
        "bce": nn.BCELoss,
        "cross-entropy": nn.CrossEntropyLoss,
    }
    return means[loss]()


class TorchBackend:
    """Eager PyTorch on one device."""

    imports = ("torch",)
    phased = True

    def __init__(self, name: str, device: str, summary: str, rung: LadderStep) -> None:
        self.name = name
        self.device = device
        self.summary = summary
        self.rung = rung

    def unavailable(self) -> str | None:
        reason = optional.missing("torch")
        if reason is None and self.device == "cuda":
            return torch_unavailable()
        return reason

    def environment(self, threads: int) -> dict[str, str]:
        return thread_variables(threads)

    def prepare(self, problem: Problem, dtype: DType) -> TorchTrainer:
        trainer = TorchTrainer(problem, dtype, self.device)
        trainer.train(2)  # warm up: thread pool, context, first kernels
        trainer.reset()
        return trainer

    def kernels(self, problem: Problem, dtype: DType) -> list[Kernel]:
        """Return what one iteration dispatches; see `kernels.trace`."""
        return trace(lambda: TorchTrainer(problem, dtype, "meta"))


CPU = TorchBackend(
    "torch-cpu",
    "cpu",
    "PyTorch on the CPU: nn.Sequential, autograd, SGD",
    LadderStep("nothing: a module, autograd and an optimizer, called from Python", after=None),
)
CUDA = TorchBackend(
    "torch-cuda",
    "cuda",
    "PyTorch on a CUDA GPU, otherwise as torch-cpu",
    LadderStep("nothing: as torch-cpu, and a launch for each kernel", after=None),
)
