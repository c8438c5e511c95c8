"""The comparison key of a row: rows are compared if they share machine and training."""

from __future__ import annotations

from functools import lru_cache
from operator import attrgetter
from typing import Any, NamedTuple, Protocol

from perceptron.records.measurement import Measurement

BATCH = "batch"
"""The axis of families whose size, or one of two sizes, is the batch."""
MODELS = "models"
"""The axis of families whose size, or one of two sizes, is the number of models."""


class ComparisonKey(NamedTuple):
    """The fields that two rows of one family must share to be compared, whatever their size."""

    machine: str
    dtype: str | None
    threads: int | None
    """Threads of all processes together: 2 processes of 1 thread are compared with 1 of 2."""
    optimizer: str | None = None
    feed: str | None = None
    outputs: int | None = None
    batch: int | None = None
    """Rows of an iteration; None also if the family varies the batch."""
    models: int | None = None
    """Number of models; None also for one model, or if the family varies their number."""


class HasComparisonKey(Protocol):
    """A row, or a result of rows that share one comparison key."""

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


COMPARISON_FIELDS = (*ComparisonKey._fields, "processes", "axes")
"""The fields of a row that its comparison key depends on."""
_fields_of = attrgetter(*ComparisonKey._fields)
_fields_of_row = attrgetter(*COMPARISON_FIELDS)


def comparison_key(measured: HasComparisonKey) -> ComparisonKey:
    """Return the comparison key of a row or a result."""
    if isinstance(measured, Measurement):
        return _of_row(_fields_of_row(measured))
    return ComparisonKey(*_fields_of(measured))


# A million rows have a few hundred keys, and each is needed several times.
@lru_cache(maxsize=4096)
def _of_row(fields: tuple[Any, ...]) -> ComparisonKey:
    key, processes, axes = ComparisonKey(*fields[:-2]), *fields[-2:]
    return key._replace(
        threads=None if key.threads is None else key.threads * (processes or 1),
        batch=None if BATCH in axes else key.batch,
        models=None if MODELS in axes or (key.models or 1) == 1 else key.models,
    )


# --- in words ------------------------------------------------------------------------------------


def machine_label(machine: str, source: str = "perceptron") -> str:
    """Return the machine's name, with the tool in brackets if it was not this suite."""
    machine = machine if machine.strip() else "(no name)"
    return machine if source == "perceptron" else f"{machine} ({source})"


def state_label(commit: str | None, when: str, *more: str | None) -> str:
    """Return a label of the code's state: its revision, the day and further texts."""
    parts = (commit or "no commit", when[:10] or "no date", *filter(None, more))
    return " · ".join(parts)
