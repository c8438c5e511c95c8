"""A rank's trainer: `torch_eager`'s on its part of a batch, wrapped as PyTorch's tutorial does.

See https://docs.pytorch.org/tutorials/intermediate/ddp_tutorial.html. A step of the optimizer is a
step on the whole batch, so that it agrees with a single process to rounding.

`DistributedDataParallel` averages the processes' gradients. If their parts are equal, the average
of their mean losses is the mean over all rows, and nothing is weighted. Parts differ by a row if
the number of processes does not divide the batch; with more processes than rows some are empty.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from perceptron.backends.torch_eager import TorchTrainer
from perceptron.problems.problem import DType, Loss, Problem

if TYPE_CHECKING:
    import torch


class RankTrainer(TorchTrainer):
    """Holds all rows in every rank, for any row may be in its part of a batch."""

    def __init__(
        self, problem: Problem, dtype: DType, device: str, rank: int, processes: int
    ) -> None:
        from torch.nn.parallel import DistributedDataParallel

        self._rank, self._processes = rank, processes
        super().__init__(problem, dtype, device)
        inputs, targets = self._all_rows
        begin, end = part_of(len(inputs), rank, processes)
        self._all_rows = inputs[begin:end], (targets[begin:end], self._weight(len(inputs)))
        self._loss_of_rows, self._loss = self._loss, self._weighted
        devices = None if self._device.type == "cpu" else [self._device.index]
        self._distributed = DistributedDataParallel(self._model, device_ids=devices)
        self._model = self._distributed

    def _weighted(self, outputs: torch.Tensor, weighted: tuple[torch.Tensor, float]) -> Any:
        """Return the loss of the rows, weighted so that its mean over ranks is the batch's loss.

        A rank without rows takes part in the all-reduce with zeros: the sum over no rows.
        """
        targets, weight = weighted
        if not weight:
            return outputs.sum()
        error = self._loss_of_rows(outputs, targets)
        return error if weight == 1.0 else error * weight

    def _make_feed(self) -> Any:
        """Return a feed of this rank's part of a batch, with its weight beside the targets."""
        assert self._batches is not None
        feed, rank, processes = super()._make_feed(), self._rank, self._processes
        weights = {
            rows: self._weight(rows) for rows in (self._batches.size, self._batches.shortest)
        }

        def feed_part(begin: int, end: int) -> Any:
            part_begin, part_end = part_of(end - begin, rank, processes)
            inputs, targets = feed(begin + part_begin, begin + part_end)
            return inputs, (targets, weights[end - begin])

        return feed_part

    def _weight(self, rows: int) -> float:
        return weight_of(self._problem.loss, rows, self._rank, self._processes)

    def _outputs(self, inputs: torch.Tensor) -> torch.Tensor:
        outputs: torch.Tensor = self._distributed.module(inputs)
        return outputs

    def _phases_of_gradients(self) -> dict[str, Callable[[int], None]]:
        """Return the loops of `TorchTrainer`, and one for the exchange of gradients.

        Loops up to ``backward`` run under `no_sync`: nothing is exchanged. ``buckets and
        all-reduce`` adds the hooks, copies into buckets and out of them, the exchange, and waiting
        for ranks that are behind.
        """

        def alone(phase: Callable[[int], None]) -> Callable[[int], None]:
            def loop(iterations: int) -> None:
                with self._distributed.no_sync():
                    phase(iterations)

            return loop

        phases = super()._phases_of_gradients()
        exchanging = {"buckets and all-reduce": phases["backward"]}
        return {name: alone(phase) for name, phase in phases.items()} | exchanging


def part_of(rows: int, rank: int, processes: int) -> tuple[int, int]:
    """Return the begin and end of a process's part of a batch of ``rows``.

    >>> [part_of(10, rank, 4) for rank in range(4)]
    [(0, 2), (2, 5), (5, 7), (7, 10)]
    """
    return rows * rank // processes, rows * (rank + 1) // processes


def weight_of(loss: Loss, rows: int, rank: int, processes: int) -> float:
    """Return the factor of a process's loss that makes the mean over processes the batch's loss.

    A mean over n of N rows counts n · P / N with P processes; a sum counts P. It is 0 for an empty
    part, of which there is no mean.
    """
    begin, end = part_of(rows, rank, processes)
    if loss == "l1-sum":
        return float(processes) if end > begin else 0.0
    return (end - begin) * processes / rows
