"""Published times of GPUs, and what each was: facts with their sources, no measurements of ours."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from perceptron.analysis.what_if.estimate import KernelWork

_FILE = "published.json"
_FLOAT32 = 4.0


class Host(Struct, frozen=True, forbid_unknown_fields=True):
    """What the same host was published to take on its CPU for so many operations."""

    seconds: float
    operations: int

    @property
    def dispatch(self) -> float:
        """Seconds for an operation: of the smallest problem published, which computes least."""
        return self.seconds / self.operations


class Kernels(Struct, frozen=True, forbid_unknown_fields=True):
    """So many kernels of one shape: a matrix product of ``[rows, inner, columns]``, or an operation
    on ``elements`` numbers that reads and writes as many ``tensors`` of them."""

    count: int
    product: tuple[int, int, int] | None = None
    elements: int = 0
    tensors: int = 0

    def work(self) -> list[KernelWork]:
        """Return the work of each kernel, in float32."""
        if self.product is None:
            moved = _FLOAT32 * self.elements * self.tensors
            return [KernelWork(float(self.elements), moved)] * self.count
        rows, inner, columns = self.product
        moved = _FLOAT32 * (rows * inner + inner * columns + rows * columns)
        operations = 2.0 * rows * inner * columns
        return [KernelWork(operations, moved, min(self.product))] * self.count


class PublishedRow(Struct, frozen=True, forbid_unknown_fields=True):
    """One published time, in seconds an iteration or a chain."""

    case: str
    seconds: float
    kernels: list[Kernels]


class PublishedTable(Struct, frozen=True, forbid_unknown_fields=True):
    """Published times of one device and host.

    ``device`` is a name of `devices.DEVICES`, None where the hardware is unnamed or its figures are
    of no matter. Without a ``host`` kernels are launched by no framework. A graph is replayed for
    each time.
    """

    name: str
    hardware: str
    device: str | None
    source: str
    backend: str
    gradients: bool
    host: Host | None
    rows: list[PublishedRow]


class NotCompared(Struct, frozen=True, forbid_unknown_fields=True):
    """Something published that no estimate can be made for, and why."""

    name: str
    source: str
    reason: str


class Published(Struct, frozen=True, forbid_unknown_fields=True):
    """All that is known of others' GPUs."""

    tables: list[PublishedTable]
    not_compared: list[NotCompared]


def published() -> Published:
    """Return the published times that lie beside this file."""
    content = Path(__file__).with_name(_FILE).read_bytes()
    return msgspec.json.decode(content, type=Published)
