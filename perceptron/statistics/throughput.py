"""Rows per second and seconds per epoch, from a time per iteration."""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter

from msgspec import Struct

from perceptron.records.measurement import Measurement

_MOST_ROWS = 2**40


class Epoch(Struct, frozen=True):
    """One pass over the rows: its iterations, and the rows that all models train on."""

    iterations: int
    rows: int

    def seconds(self, per_iteration: float) -> float:
        """Return the seconds of an epoch from those of an iteration."""
        return per_iteration * self.iterations

    def rows_per_second(self, per_iteration: float) -> float:
        """Return the rows trained on per second, from the seconds of an iteration."""
        return self.rows / self.seconds(per_iteration)


def epoch_of(row: Measurement) -> Epoch | None:
    """Return the epoch of a row that was trained in batches; None for others, or if unknown.

    A row without its number of iterations counts a last short batch.
    """
    if row.batch is None or row.rows is None or min(row.batch, row.rows) < 1:
        return None
    iterations = row.iterations_per_epoch or -(-row.rows // row.batch)
    if not 1 <= iterations <= row.rows <= _MOST_ROWS:  # a file may state any numbers
        return None
    return Epoch(iterations, min(row.rows, iterations * row.batch) * models_of(row))


def models_of(row: Measurement) -> int:
    """Return the number of models that an iteration trains; 1 if the row's is out of range."""
    return row.all_models if 1 <= row.all_models <= _MOST_ROWS else 1


_EPOCH_FIELDS = ("rows", "batch", "iterations_per_epoch", "models")
"""The fields from which `epoch_of` and `models_of` follow."""


def distinct_epochs(rows: Iterable[Measurement]) -> list[Measurement]:
    """Return a row for each epoch and number of models; a million rows have a few."""
    rows = list(rows)
    return list(dict(zip(map(attrgetter(*_EPOCH_FIELDS), rows), rows, strict=True)).values())


def is_shared_out(rows: Iterable[Measurement]) -> bool:
    """Return whether any row trained in batches, or several models."""
    return any(epoch_of(row) is not None or models_of(row) > 1 for row in distinct_epochs(rows))


class TrainingLength(Struct, frozen=True, kw_only=True):
    """A training of ``iterations``, or of ``epochs`` if they are not None.

    With epochs the number of iterations follows from the rows and the batch of each problem.
    """

    iterations: int = 10_000
    epochs: int | None = None

    def of(self, row: Measurement) -> int:
        """Return the iterations of a whole training of the row's problem."""
        return self.iterations if self.epochs is None else self.epochs * iterations_per_epoch(row)


def iterations_per_epoch(row: Measurement) -> int:
    """Return the iterations of one pass over the rows; 1 if each iteration takes all rows."""
    epoch = epoch_of(row)
    return 1 if epoch is None else epoch.iterations
