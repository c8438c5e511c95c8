"""PyTorch without autograd: the gradient code of the NumPy backend, over torch's functions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from itertools import count, repeat
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from perceptron.backends.protocol import LadderStep
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
from perceptron.backends.shared.torch_backend import DeviceTrainer, OnTorch
from perceptron.backends.shared.torch_data import Pair, to_host
from perceptron.backends.shared.update import adam_factors, start_state, update
from perceptron.problems.datasets import Array
from perceptron.problems.optimizer import Adam
from perceptron.problems.problem import DType, Problem

if TYPE_CHECKING:
    import torch

# Of one step of Adam, see `adam_factors`: numbers, or tensors on the device; None for others.
Factors = tuple[Any, Any] | None


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


class ManualTrainer(DeviceTrainer):
    """See `gradient.train` and `update` for the arithmetic; the device is an argument.

    A batch of ``resident`` data is gathered on the device by its indices. Of ``host`` data it is
    gathered in host memory and, on a GPU, copied from there; see `torch_data.FromHost`.

    With ``recorded`` the trainer is one whose steps `torch_cuda_graph` records, so many at once.
    """

    def __init__(
        self, problem: Problem, dtype: DType, device: str = "cpu", *, recorded: int = 0
    ) -> None:
        import torch

        super().__init__(problem, dtype, device, classes=False)
        flat = np.concatenate([array.ravel() for array in self._start_arrays()])
        self._start = self._tensor(flat)
        self._arrange(self._start.clone(), torch.zeros_like(self._start))
        self._state = start_state(torch, problem.optimizer, self._start)
        self._taken: torch.Tensor | None = None
        if recorded:  # the device counts the steps itself, in more digits than float32 has
            self._taken = torch.zeros((), dtype=torch.float64, device=self._device)
            self._numbers = torch.arange(1.0, recorded + 1.0, dtype=torch.float64).to(self._device)
        if self._batches is None:
            self._whole = self._whole_batch(self._scale(problem.dataset.rows))
        else:
            self.feed = self.data.feed(max(1, recorded))
            sizes = (self._batches.size, self._batches.shortest)
            self._scales = {rows: self._scale(rows) for rows in sizes}
            self._ones = {
                rows: torch.ones(rows, dtype=self._dtype, device=self._device) for rows in sizes
            }

    def _start_arrays(self) -> list[Array]:
        """Return what the parameters are at the start, in the order of the flat tensor."""
        return self._problem.start_parameters()

    def _arrange(self, parameters: torch.Tensor, gradients: torch.Tensor) -> None:
        """Keep the flat tensors of parameters and gradients, and views of them as layers."""
        self._parameters, self._gradients = parameters, gradients
        self._network = network_of(self._problem, parameters, gradients)

    def _whole_batch(self, scale: torch.Tensor) -> Batch:
        return whole_batch(self._network, self.data.inputs, self.data.targets, scale)

    def _compute(self, batches: Iterable[Batch], step: Step) -> None:
        """Compute the gradients on each batch, and ``step``."""
        train(functions(), self._network, batches, step)

    def _outputs(self, inputs: torch.Tensor) -> torch.Tensor:
        outputs: torch.Tensor = forward(functions(), self._network, inputs)[-1]
        return outputs

    def queue(self, iterations: int) -> None:
        self._take(self._fed(iterations), self._factors_after(self._iteration))
        self._iteration += iterations

    def take_recorded(self, steps: int, batches: Iterable[Pair] | None) -> None:
        optimizer = self._problem.optimizer
        factors: Iterator[Factors] = repeat(None)
        if isinstance(optimizer, Adam):
            assert self._taken is not None
            rates, epsilons = adam_factors(optimizer, self._taken + self._numbers[:steps])
            self._taken.add_(steps)
            factors = zip(rates.unbind(), epsilons.unbind(), strict=True)
        if batches is None:
            self._take(repeat(self._whole, steps), factors)
        else:
            self._take((self._batch(*pair, pair[0].shape[-2]) for pair in batches), factors)

    @property
    def host_values(self) -> list[torch.Tensor]:
        return []

    def reset(self) -> None:
        self._parameters.copy_(self._start)
        for array in (*self._state, *(() if self._taken is None else (self._taken,))):
            array.zero_()
        self._iteration = 0
        self._accelerator.synchronize()

    def parameters(self) -> list[Array]:
        return [np.array(to_host(array)) for array in self._network.arrays]

    def _predict(self, inputs: Array) -> Array:
        import torch

        with torch.inference_mode():
            return to_host(self._outputs(self._tensor(inputs)))

    def _scale(self, rows: int) -> torch.Tensor:
        """Return what scales the slope on a batch: also the rate, where a step is no more."""
        import torch

        problem = self._problem
        scale = slope_scale(problem.loss, rows, problem.outputs)
        if problem.optimizer.is_plain:
            scale *= problem.rate
        return torch.tensor(scale, dtype=self._dtype, device=self._device)

    def _fed(self, iterations: int) -> Iterator[Batch]:
        """Return the next batches, each gathered when its turn comes."""
        if self._batches is None:
            return repeat(self._whole, iterations)
        spans = self._batches.spans(self._iteration, iterations)
        feed, batch = self.feed, self._batch
        return (batch(*feed(begin, end), end - begin) for begin, end in spans)

    def _batch(self, inputs: torch.Tensor, targets: torch.Tensor, rows: int) -> Batch:
        return batch_of(inputs, targets, self._ones[rows], self._scales[rows])

    def _take(self, batches: Iterable[Batch], factors: Iterator[Factors]) -> None:
        """Take a step on each batch, with Adam's factors of each."""
        import torch

        # Otherwise each operation checks whether autograd has to record it.
        with torch.inference_mode():
            self._compute(batches, self._step(factors))

    def _factors_after(self, iterations: int) -> Iterator[Factors]:
        """Return Adam's factors of the steps after so many, as numbers."""
        optimizer = self._problem.optimizer
        if not isinstance(optimizer, Adam):
            return repeat(None)
        return (adam_factors(optimizer, number) for number in count(iterations + 1))

    def _step(self, factors: Iterator[Factors]) -> Step:
        """Return what takes a step."""
        import torch

        optimizer, state = self._problem.optimizer, self._state
        parameters, gradients = self._parameters, self._gradients
        if optimizer.is_plain:

            def plain() -> None:
                parameters.sub_(gradients)

            return plain

        def by_rule() -> None:
            update(torch, optimizer, parameters, gradients, state, next(factors))

        return by_rule


class ManualBackend(OnTorch):
    """What `torch-cpu` computes, without recording it for a backward pass."""

    trainer: type[ManualTrainer] = ManualTrainer

    def _trainer(self, problem: Problem, dtype: DType, device: str) -> ManualTrainer:
        return self.trainer(problem, dtype, device)

    def kernels(self, problem: Problem, dtype: DType) -> list[Kernel]:
        return trace(lambda: self._trainer(problem, dtype, "meta"))


BACKEND = ManualBackend(
    "torch-cpu-manual",
    "cpu",
    "PyTorch on the CPU: gradients derived by hand, called from Python",
    LadderStep("autograd: gradients are derived by hand", after="torch-cpu-functional"),
)
CUDA_BACKEND = ManualBackend(
    "torch-cuda-manual",
    "cuda",
    "PyTorch on a CUDA GPU, otherwise as torch-cpu-manual",
    LadderStep("autograd: gradients are derived by hand", after="torch-cuda"),
)
