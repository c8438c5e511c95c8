"""PyTorch without autograd: the gradient code of the NumPy backend, over torch's functions.

Several models are trained in batched products, without vmap. Models of one layer that share their
data are one layer of models × outputs units, whose product takes a fraction of the time of as many
small ones; see `flat_trainer`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import repeat
from operator import attrgetter
from typing import TYPE_CHECKING

from perceptron.backends.protocol import LadderStep
from perceptron.backends.shared.flat_trainer import DerivedTrainer
from perceptron.backends.shared.gradient import Batch, Library
from perceptron.backends.shared.kernels import Kernel, trace
from perceptron.backends.shared.torch_backend import DeviceTrainer, OnTorch, Pair
from perceptron.backends.shared.update import Factors, adam_factors
from perceptron.problems.optimizer import Adam
from perceptron.problems.problem import DType, Problem

if TYPE_CHECKING:
    import torch


@cache
def matrices() -> Library:
    """Return PyTorch as a `Library` of matrices; `mm` and `mv` skip the dispatch of `matmul`."""
    import torch

    addmm, mv = torch.addmm, torch.mv

    def layer(weights: torch.Tensor, bias: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
        return lambda values: addmm(bias, values, weights)

    def row_sums(ones: torch.Tensor, values: torch.Tensor, *, out: torch.Tensor) -> torch.Tensor:
        return mv(values.T, ones, out=out)

    return Library(torch, layer, torch.mm, row_sums, attrgetter("T"))


@cache
def stacks() -> Library:
    """Return PyTorch as a `Library` of stacks of matrices."""
    import torch

    baddbmm, sum_of = torch.baddbmm, torch.sum

    def layer(weights: torch.Tensor, bias: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
        bias = bias[:, None]
        return lambda values: baddbmm(bias, values, weights)

    def row_sums(ones: torch.Tensor, values: torch.Tensor, *, out: torch.Tensor) -> torch.Tensor:
        return sum_of(values, 1, out=out)

    def spread(inputs: torch.Tensor, models: int) -> torch.Tensor:
        return inputs.expand(models, *inputs.shape[-2:])

    return Library(torch, layer, torch.bmm, row_sums, attrgetter("mT"), spread)


class ManualTrainer(DeviceTrainer, DerivedTrainer):
    """Trains one model on any device; ``recorded`` is that of `ModuleTrainer`."""

    def __init__(
        self, problem: Problem, dtype: DType, device: str = "cpu", *, recorded: int = 0
    ) -> None:
        import torch

        DeviceTrainer.__init__(self, problem, dtype, device, classes=False)
        self._lay_out(torch)
        library = stacks() if self._is_stacked else matrices()
        self._derive(library, self.data.inputs, self.data.targets)
        self._taken: torch.Tensor | None = None
        if recorded:  # the device counts the steps, with more digits than float32 has
            self._taken = torch.zeros((), dtype=torch.float64, device=self._device)
            self._numbers = torch.arange(1.0, recorded + 1.0, dtype=torch.float64).to(self._device)
        if self._batches is not None:
            self.feed = self.data.feed()

    def queue(self, iterations: int) -> None:
        self._advance(iterations)

    def take_recorded(self, steps: int, batches: Iterable[Pair] | None) -> None:
        """Take ``steps`` steps as `ModuleTrainer.take_recorded` does."""
        optimizer = self._problem.optimizer
        factors: Iterator[Factors] = repeat(None)
        if isinstance(optimizer, Adam):
            assert self._taken is not None
            rates, epsilons = adam_factors(optimizer, self._taken + self._numbers[:steps])
            self._taken.add_(steps)
            factors = zip(rates.unbind(), epsilons.unbind(), strict=True)
        if batches is None:
            self._take(repeat(self._whole, steps), factors)
            return
        batch, of_rows = self._network.batch, self._of_rows
        self._take((batch(*pair, *of_rows[pair[0].shape[-2]]) for pair in batches), factors)

    def reset(self) -> None:
        super().reset()
        if self._taken is not None:
            self._taken.zero_()
        self._accelerator.synchronize()

    def _take(self, batches: Iterable[Batch], factors: Iterator[Factors]) -> None:
        import torch

        # Otherwise each operation checks whether autograd has to record it.
        with torch.inference_mode():
            super()._take(batches, factors)


class BmmTrainer(ManualTrainer):
    """Trains several models; one model as `ManualTrainer` does."""

    several = True


class ManualBackend(OnTorch):
    """Computes what `torch-cpu` computes, without recording it for a backward pass."""

    one_model = True
    trainer = ManualTrainer

    def kernels(self, problem: Problem, dtype: DType) -> list[Kernel]:
        return trace(lambda: self._trainer(problem, dtype, "meta"))


class BmmBackend(ManualBackend):
    """Computes what `torch-cpu` computes for several models, without vmap and autograd."""

    low_precision: tuple[str, ...] = ("bfloat16",)
    one_model = False
    trainer = BmmTrainer


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
BMM = BmmBackend(
    "torch-cpu-bmm",
    "cpu",
    "PyTorch on the CPU: several models in batched products, gradients derived by hand",
    ladder_step_of_models=LadderStep("vmap, autograd and the optimizer's class", after="torch-cpu"),
)
CUDA_BMM = BmmBackend(
    "torch-cuda-bmm",
    "cuda",
    "PyTorch on a CUDA GPU, otherwise as torch-cpu-bmm; has never run on one",
    ladder_step_of_models=LadderStep(
        "vmap, autograd and the optimizer's class", after="torch-cuda"
    ),
)
