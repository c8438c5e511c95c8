"""What two rows must share to be compared: where they were measured, and how they were trained."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from perceptron.records.measurement import Measurement

BATCH = "batch"
"""The axis of families whose size is the batch, or one of whose sizes is."""


class Ground(NamedTuple):
    """What two rows of one family must share to be compared, whatever their size."""

    machine: str
    dtype: str | None
    threads: int | None
    optimizer: str | None = None
    feed: str | None = None
    outputs: int | None = None
    batch: int | None = None
    """None also where the batch is what the family varies."""


class OnGround(Protocol):
    """A row, or something that was judged from rows of one ground."""

    @property
    def machine(self) -> str: ...
    @property
    def dtype(self) -> str | None: ...
    @property
    def threads(self) -> int | None: ...
    @property
    def optimizer(self) -> str | None: ...
    @property
    def feed(self) -> str | None: ...
    @property
    def outputs(self) -> int | None: ...
    @property
    def batch(self) -> int | None: ...


def ground(of: OnGround) -> Ground:
    """Return where and how something was measured."""
    batch = of.batch
    if batch is not None and isinstance(of, Measurement) and BATCH in of.axes:
        batch = None
    return Ground(of.machine, of.dtype, of.threads, of.optimizer, of.feed, of.outputs, batch)
