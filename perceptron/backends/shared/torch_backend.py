"""Backends that PyTorch drives on one device, and their trainers: what they have in common."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING, Any, ClassVar

from perceptron import optional
from perceptron.backends.accelerators.protocol import place
from perceptron.backends.accelerators.torch_accelerator import TorchAccelerator
from perceptron.backends.protocol import LadderStep, Trainer, thread_variables
from perceptron.backends.shared.evaluation import Scored
from perceptron.backends.shared.torch_data import Feed, Pair, TrainingData, tensor, to_host
from perceptron.problems.datasets import Array
from perceptron.problems.problem import DType, Problem

if TYPE_CHECKING:
    import torch


class DeviceTrainer(Scored):
    """Has the data on the device, or in host memory where the problem is fed from there.

    ``feed`` gives its batches, where there are any. With ``classes`` the targets of cross-entropy
    are classes, as PyTorch's loss takes them.
    """

    feed: Feed

    def __init__(self, problem: Problem, dtype: DType, device: str, *, classes: bool) -> None:
        import torch

        # TF32 products have 10 bits of mantissa: faster, and not what was asked for.
        torch.set_float32_matmul_precision("highest")
        self._problem, self._dtype = problem, getattr(torch, dtype)
        self._device = torch.device(device)
        self._accelerator = TorchAccelerator(self._device.type)
        self.data = TrainingData(problem, self._dtype, self._device, classes=classes)
        self._batches, self._iteration = problem.batches, 0

    def train(self, iterations: int) -> None:
        self.queue(iterations)
        self._accelerator.synchronize()

    def queue(self, iterations: int) -> None:
        raise NotImplementedError

    def _fed(self, iterations: int) -> Iterator[Pair]:
        """Return inputs and targets of the next iterations, each made when its turn comes."""
        first = self._iteration
        self._iteration += iterations
        if self._batches is None:
            return repeat((self.data.inputs, self.data.targets), iterations)
        feed = self.feed
        return (feed(begin, end) for begin, end in self._batches.spans(first, iterations))

    def _put(self, array: Array) -> torch.Tensor:
        return tensor(array, self._dtype, self._device)

    def _host(self, tensor: torch.Tensor) -> Array:
        return to_host(tensor)


@dataclass(eq=False)
class OnTorch:
    """Subclasses name the trainer; the device is an argument."""

    imports: ClassVar[tuple[str, ...]] = ("torch",)
    trainer: ClassVar[Any]
    name: str
    device: str
    summary: str
    rung: LadderStep | None = None
    rung_of_models: LadderStep | None = None

    def __post_init__(self) -> None:
        self.accelerator = None if self.device == "cpu" else TorchAccelerator(self.device)

    def unavailable(self) -> str | None:
        reason = optional.missing("torch")
        if reason is not None or self.accelerator is None:
            return reason
        return self.accelerator.unavailable()

    def environment(self, threads: int) -> dict[str, str]:
        return thread_variables(threads)

    def prepare(self, problem: Problem, dtype: DType) -> Trainer:
        trainer: Trainer = self._trainer(problem, dtype, place(self))
        trainer.train(2)  # warm up: thread pool, context, first kernels
        trainer.reset()
        return trainer

    def _trainer(self, problem: Problem, dtype: DType, device: str) -> Any:
        """Return the trainer, not warmed up, on what PyTorch calls the device."""
        return self.trainer(problem, dtype, device)
