"""Where PyTorch's batches come from: gathered on the device, or in host memory and copied there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    import torch

Pair: TypeAlias = "tuple[torch.Tensor, torch.Tensor]"  # inputs and targets of some rows

# Three: one is being gathered into, one copied from, and one is spare where the GPU falls behind.
BUFFERS = 3


class Feed(Protocol):
    """Gives a batch when its turn comes."""

    def __call__(self, begin: int, end: int) -> Pair:
        """Return inputs and targets of the rows ``orders[begin:end]``, on the device."""


class Event(Protocol):
    """A point in a device's work, as `torch.cuda.Event`."""

    def record(self) -> None:
        """Stand behind all that was queued so far."""

    def synchronize(self) -> None:
        """Wait until the device is here; return at once if nothing was recorded."""


class Resident:
    """All data lie where they are needed: a batch is a gather.

    ``inputs`` (rows, features), ``targets`` of as many rows and ``orders`` (see `Batches.orders`)
    lie on one device.
    """

    def __init__(self, inputs: torch.Tensor, targets: torch.Tensor, orders: torch.Tensor) -> None:
        self._inputs, self._targets, self._orders = inputs, targets, orders

    def __call__(self, begin: int, end: int) -> Pair:
        rows = self._orders[begin:end]
        return self._inputs.index_select(0, rows), self._targets.index_select(0, rows)


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

    ``event`` makes such an event, on a GPU `torch.cuda.Event`. ``size`` is the most rows of a
    batch.
    """

    def __init__(
        self,
        inputs: torch.Tensor,
        targets: torch.Tensor,
        orders: torch.Tensor,
        size: int,
        device: torch.device,
        event: Callable[[], Event],
        pin: bool = True,
    ) -> None:
        import torch

        def buffer_for(tensor: torch.Tensor) -> torch.Tensor:
            shape = (size, *tensor.shape[1:])
            return torch.empty(shape, dtype=tensor.dtype, device="cpu", pin_memory=pin)

        self._inputs, self._targets, self._orders = inputs, targets, orders
        self._device = device
        self._buffers = cycle(
            [_Buffer(buffer_for(inputs), buffer_for(targets), event()) for _ in range(BUFFERS)]
        )

    def __call__(self, begin: int, end: int) -> Pair:
        import torch

        rows = self._orders[begin:end]
        buffer = next(self._buffers)
        buffer.copied.synchronize()
        inputs, targets = buffer.inputs[: end - begin], buffer.targets[: end - begin]
        torch.index_select(self._inputs, 0, rows, out=inputs)
        torch.index_select(self._targets, 0, rows, out=targets)
        batch = (
            inputs.to(self._device, non_blocking=True),
            targets.to(self._device, non_blocking=True),
        )
        buffer.copied.record()
        return batch
