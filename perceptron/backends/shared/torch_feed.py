"""Where PyTorch's batches come from: gathered on the device, or in host memory and copied there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle
from typing import TYPE_CHECKING, Protocol

from perceptron.problems.batches import Batches

if TYPE_CHECKING:
    import torch

# Three: one is being gathered into, one copied from, and one is spare where the GPU falls behind.
BUFFERS = 3


class Feed(Protocol):
    """Gives batches: inputs (rows, features) and targets of as many rows, on the device."""

    def __call__(
        self, iteration: int, iterations: int
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Yield so many batches from an iteration on, each made when its turn comes."""


class Event(Protocol):
    """A point in a device's work, as `torch.cuda.Event`."""

    def record(self) -> None:
        """Stand behind all that was queued so far."""

    def synchronize(self) -> None:
        """Wait until the device is here; return at once if nothing was recorded."""


class Resident:
    """All data lie where they are needed: a batch is a gather.

    ``inputs`` (rows, features), ``targets`` of as many rows and ``orders`` (`Batches.orders`) lie
    on one device.
    """

    def __init__(
        self, inputs: torch.Tensor, targets: torch.Tensor, orders: torch.Tensor, batches: Batches
    ) -> None:
        self._inputs, self._targets, self._orders = inputs, targets, orders
        self._batches = batches

    def __call__(
        self, iteration: int, iterations: int
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        inputs, targets, orders = self._inputs, self._targets, self._orders
        for begin, end in self._batches.spans(iteration, iterations):
            rows = orders[begin:end]
            yield inputs.index_select(0, rows), targets.index_select(0, rows)


@dataclass(frozen=True)
class _Buffer:
    """Host memory of one batch, and the event behind the last copy out of it."""

    inputs: torch.Tensor
    targets: torch.Tensor
    copied: Event


class FromHost:
    """All data lie in host memory: a batch is gathered there into a buffer, and copied.

    From pinned memory a GPU copies by itself, while Python queues what follows. ``BUFFERS`` take
    turns: one is written to again only when the device has passed the event behind its last copy.

    ``event`` makes such an event, on a GPU `torch.cuda.Event`.
    """

    def __init__(
        self,
        inputs: torch.Tensor,
        targets: torch.Tensor,
        orders: torch.Tensor,
        batches: Batches,
        device: torch.device,
        event: Callable[[], Event],
        pin: bool = True,
    ) -> None:
        import torch

        def buffer_for(tensor: torch.Tensor) -> torch.Tensor:
            shape = (batches.size, *tensor.shape[1:])
            return torch.empty(shape, dtype=tensor.dtype, device="cpu", pin_memory=pin)

        self._inputs, self._targets, self._orders = inputs, targets, orders
        self._batches, self._device = batches, device
        self._buffers = cycle(
            [_Buffer(buffer_for(inputs), buffer_for(targets), event()) for _ in range(BUFFERS)]
        )

    def __call__(
        self, iteration: int, iterations: int
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for begin, end in self._batches.spans(iteration, iterations):
            yield self._copied(self._orders[begin:end])

    def _copied(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        import torch

        buffer = next(self._buffers)
        buffer.copied.synchronize()
        inputs, targets = buffer.inputs[: len(rows)], buffer.targets[: len(rows)]
        torch.index_select(self._inputs, 0, rows, out=inputs)
        torch.index_select(self._targets, 0, rows, out=targets)
        batch = (
            inputs.to(self._device, non_blocking=True),
            targets.to(self._device, non_blocking=True),
        )
        buffer.copied.record()
        return batch
