"""A rank's trainer: `torch_eager`'s on its part of a batch, wrapped as PyTorch's tutorial does.

See https://docs.pytorch.org/tutorials/intermediate/ddp_tutorial.html. One step of the optimizer is
one on the whole batch, so that it agrees with a single process to rounding.

`DistributedDataParallel` averages the processes' gradients. Where their parts are equal the average
of their mean losses is the mean over all rows, and nothing is weighted. Parts differ by a row
where the processes do not divide the batch, and are empty where there are more of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from itertools import repeat
from typing import TYPE_CHECKING, Any

from perceptron.backends.torch_eager import TorchTrainer
from perceptron.problems.batches import Batches
from perceptron.problems.problem import DType, Loss, Problem

if TYPE_CHECKING:
    import torch


class RankTrainer(TorchTrainer):
    """All rows lie with every rank, for any may be in its part of a batch."""

    def __init__(
        self, problem: Problem, dtype: DType, device: str, rank: int, processes: int
    ) -> None:
        from torch.nn.parallel import DistributedDataParallel

        super().__init__(problem, dtype, device)
        self._rank, self._processes = rank, processes
        devices = None if self._device.type == "cpu" else [self._device.index]
        self._distributed = DistributedDataParallel(self._model, device_ids=devices)

    def _take(self, batches: Iterable[Any]) -> None:
        model, optimizer = self._distributed, self._optimizer
        for inputs, targets, weight in batches:
            error = self._error(model(inputs), targets, weight)
            optimizer.zero_grad()
            error.backward()
            optimizer.step()

    def _error(self, outputs: torch.Tensor, targets: torch.Tensor, weight: float) -> Any:
        """Return the loss of the rows, so weighted that the average over ranks is the batch's.

        A rank without rows takes part in the all-reduce with zeros: there is no mean of nothing,
        but a sum.
        """
        if not weight:
            return outputs.sum()
        error = self._loss(outputs, targets)
        return error if weight == 1.0 else error * weight

    def _fed(self, iterations: int) -> Iterator[Any]:
        """Return this rank's part of the next batches and its weight, made when its turn comes."""
        if self._batches is not None:
            return self._parts_of(self._batches, iterations)
        rows = len(self.data.inputs)
        begin, end = part_of(rows, self._rank, self._processes)
        part = self.data.inputs[begin:end], self.data.targets[begin:end]
        return repeat((*part, self._weight(rows)), iterations)

    def _parts_of(self, batches: Batches, iterations: int) -> Iterator[Any]:
        feed, rank, processes = self.feed, self._rank, self._processes
        weights = {rows: self._weight(rows) for rows in (batches.size, batches.shortest)}
        for begin, end in batches.spans(self._iteration, iterations):
            rows = end - begin
            first, last = part_of(rows, rank, processes)
            inputs, targets = feed(begin + first, begin + last)
            yield inputs, targets, weights[rows]
        self._iteration += iterations

    def _weight(self, rows: int) -> float:
        return weight_of(self._problem.loss, rows, self._rank, self._processes)

    def _phases_of_gradients(self) -> dict[str, Callable[[int], None]]:
        """Return loops as `TorchTrainer` does, with what data-parallel training adds.

        ``backward`` and what comes before it run under `no_sync`, as gradients are accumulated:
        nothing is exchanged. ``buckets and all-reduce`` is what the iteration takes longer with it:
        the hooks, copies into the buckets and out of them, the exchange, and waiting for ranks that
        are behind.
        """
        model, optimizer = self._distributed, self._optimizer

        def forward(iterations: int) -> None:
            with model.no_sync():
                for inputs, _, _ in self._fed(iterations):
                    model(inputs)
            self._synchronize()

        def with_loss(iterations: int) -> None:
            with model.no_sync():
                for inputs, targets, weight in self._fed(iterations):
                    self._error(model(inputs), targets, weight)
            self._synchronize()

        def with_zero_grad(iterations: int) -> None:
            with model.no_sync():
                for inputs, targets, weight in self._fed(iterations):
                    self._error(model(inputs), targets, weight)
                    optimizer.zero_grad()
            self._synchronize()

        def with_backward(
            surrounding: Callable[[], AbstractContextManager[None]],
        ) -> Callable[[int], None]:
            def loop(iterations: int) -> None:
                with surrounding():
                    for inputs, targets, weight in self._fed(iterations):
                        error = self._error(model(inputs), targets, weight)
                        optimizer.zero_grad()
                        error.backward()
                self._synchronize()

            return loop

        return {
            "forward": forward,
            "loss": with_loss,
            "zero_grad": with_zero_grad,
            "backward": with_backward(model.no_sync),
            "buckets and all-reduce": with_backward(nullcontext),
        }


def part_of(rows: int, rank: int, processes: int) -> tuple[int, int]:
    """Return where in a batch of so many rows the part of a process begins, and where it ends.

    >>> [part_of(10, rank, 4) for rank in range(4)]
    [(0, 2), (2, 5), (5, 7), (7, 10)]
    """
    return rows * rank // processes, rows * (rank + 1) // processes


def weight_of(loss: Loss, rows: int, rank: int, processes: int) -> float:
    """Return the factor of a process's loss that makes the average that of the whole batch.

    A mean over n of N rows counts n · P / N with P processes; a sum counts P. It is 0 for an empty
    part, of which there is no mean.
    """
    begin, end = part_of(rows, rank, processes)
    if loss == "l1-sum":
        return float(processes) if end > begin else 0.0
    return (end - begin) * processes / rows
