"""PyTorch with its data loader, as its tutorials write it: TensorDataset, DataLoader, no workers.

The loader takes row after row out of the data set and stacks them to a batch, in Python and in the
timed loop. Everything else is as in `torch_eager`, also the order of rows: the sampler yields that
of `Problem.batches` instead of shuffling.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from perceptron.backends.protocol import LadderStep, Unsupported
from perceptron.backends.shared.torch_backend import Feed, Pair
from perceptron.backends.torch_eager import TorchBackend, TorchTrainer
from perceptron.problems.batches import Batches
from perceptron.problems.problem import DType, Problem

if TYPE_CHECKING:
    import torch


class Order:
    """A sampler of an epoch's rows in the order of `Problem.batches`.

    Converting the order to a list is part of the loop, as in PyTorch's RandomSampler.
    """

    epoch = 0

    def __init__(self, batches: Batches) -> None:
        self._batches = batches

    def __len__(self) -> int:
        return self._batches.rows_per_epoch

    def __iter__(self) -> Iterator[int]:
        begin = self.epoch * len(self)
        rows: list[int] = self._batches.orders[begin : begin + len(self)].tolist()
        return iter(rows)


class LoaderTrainer(TorchTrainer):
    """Trains on batches of a loader over data on the device, or in host memory.

    From host memory each batch goes to a GPU through pinned memory, without waiting for the copy.
    """

    def _make_feed(self) -> Feed:
        """Return a feed that moves the loader's next batch to the device."""
        from torch.utils.data import DataLoader, TensorDataset

        assert self._batches is not None
        order, device, pinned = Order(self._batches), self.data.device, self.data.is_copied
        loader = DataLoader(
            TensorDataset(self.data.inputs, self.data.targets),
            batch_size=self._batches.size,
            sampler=order,
            drop_last=self._batches.last == "drop",
            pin_memory=pinned,
        )
        stream: Iterator[list[torch.Tensor]]

        def feed(begin: int, end: int) -> Pair:
            nonlocal stream
            epoch, offset = divmod(begin, len(order))
            if not offset:
                order.epoch, stream = epoch, iter(loader)
            inputs, targets = next(stream)
            return (
                inputs.to(device, non_blocking=pinned),
                targets.to(device, non_blocking=pinned),
            )

        return feed


class LoaderBackend(TorchBackend):
    """Eager PyTorch on one device, with PyTorch's loader of batches."""

    # An optimizer's first step would import the last of these, which takes seconds.
    imports = ("torch", "torch.utils.data", "torch._dynamo")
    one_model = True
    trainer = LoaderTrainer
    of_several = None  # refused: a loader loads the rows of one model

    def require(self, problem: Problem, dtype: DType) -> None:
        """Raise `Unsupported` for a problem that takes all rows at once."""
        if problem.batch is None:
            raise Unsupported("loads batches, and this problem takes all rows at once")

    def _trainer(self, problem: Problem, dtype: DType, device: str, **options: Any) -> Any:
        self.require(problem, dtype)
        return super()._trainer(problem, dtype, device, **options)


CPU = LoaderBackend(
    "torch-cpu-dataloader",
    "cpu",
    "PyTorch on the CPU: as torch-cpu, with batches from a DataLoader",
    LadderStep(
        "nothing: a loader that stacks rows, a module, autograd, an optimizer",
        after=None,
        needs_batches=True,
    ),
)
CUDA = LoaderBackend(
    "torch-cuda-dataloader",
    "cuda",
    "PyTorch on a CUDA GPU, otherwise as torch-cpu-dataloader",
    LadderStep(
        "nothing: as torch-cpu-dataloader, and a launch for each kernel",
        after=None,
        needs_batches=True,
    ),
)
