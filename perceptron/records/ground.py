"""The ground of a row: rows are compared if they share machine and training."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from perceptron.records.measurement import Measurement

BATCH = "batch"
"""The axis of families whose size is the batch, or one of whose sizes is."""
MODELS = "models"
"""The axis of families whose size is the number of models, or one of whose sizes is."""


class Ground(NamedTuple):
    """The fields that two rows of one family must share to be compared, whatever their size."""

    machine: str
    dtype: str | None
    threads: int | None
    """Threads of all processes together: 2 processes of 1 thread are compared with 1 of 2."""
    optimizer: str | None = None
    feed: str | None = None
    outputs: int | None = None
    batch: int | None = None
    """None also where the family varies the batch."""
    models: int | None = None
    """Models; None also where there is one, or where their number varies."""


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
    @property
    def models(self) -> int | None: ...


def ground(of: OnGround) -> Ground:
    """Return where and how something was measured."""
    batch, threads, models = of.batch, of.threads, of.models
    if isinstance(of, Measurement):
        threads = of.all_threads
        if BATCH in of.axes:
            batch = None
        models = None if MODELS in of.axes or of.all_models == 1 else of.models
    return Ground(of.machine, of.dtype, threads, of.optimizer, of.feed, of.outputs, batch, models)
