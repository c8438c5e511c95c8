"""The comparison key of a row: rows are compared if they share machine and training."""

from __future__ import annotations

from functools import lru_cache
from operator import attrgetter
from typing import Any, NamedTuple, Protocol

from perceptron.records.measurement import Measurement

BATCH = "batch"
"""The axis of families whose size is the batch, or one of whose sizes is."""
MODELS = "models"
"""The axis of families whose size is the number of models, or one of whose sizes is."""


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
    """None also where the family varies the batch."""
    models: int | None = None
    """Models; None also where there is one, or where their number varies."""


class HasComparisonKey(Protocol):
    """A row, or something that was judged from rows of one key."""

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


def comparison_key(of: HasComparisonKey) -> ComparisonKey:
    """Return where and how something was measured."""
    if isinstance(of, Measurement):
        return _of_row(_fields_of_row(of))
    return ComparisonKey(*_fields_of(of))


# Of a million rows, each of which is asked several times, there are a few hundred.
@lru_cache(maxsize=4096)
def _of_row(fields: tuple[Any, ...]) -> ComparisonKey:
    of, processes, axes = ComparisonKey(*fields[:-2]), *fields[-2:]
    return of._replace(
        threads=None if of.threads is None else of.threads * (processes or 1),
        batch=None if BATCH in axes else of.batch,
        models=None if MODELS in axes or (of.models or 1) == 1 else of.models,
    )


# --- in words ------------------------------------------------------------------------------------


def machine_label(machine: str, source: str = "perceptron") -> str:
    """Return the machine, and the tool that measured if it was not the suite itself."""
    machine = machine if machine.strip() else "(no name)"
    return machine if source == "perceptron" else f"{machine} ({source})"


def state_label(commit: str | None, when: str, *more: str | None) -> str:
    """Return the state of the code: its revision, the day, and what else is known of it."""
    words = (commit or "no commit", when[:10] or "no date", *filter(None, more))
    return " · ".join(words)
