"""How long a whole training is: a number of iterations, or of passes over the rows."""

from __future__ import annotations

from math import ceil

from msgspec import Struct

from perceptron.records.measurement import Measurement


class TrainingLength(Struct, frozen=True, kw_only=True):
    """A training of ``iterations``, or of so many ``epochs`` if they are not None.

    With epochs the number of iterations follows from the rows and the batch of each problem. What
    is left over of the rows of an epoch is a batch of its own, unless it ``drops_last``.
    """

    iterations: int = 10_000
    epochs: int | None = None
    drops_last: bool = False

    def of(self, row: Measurement) -> int:
        """Return the iterations of a whole training of the problem that a row is of."""
        if self.epochs is None:
            return self.iterations
        return self.epochs * self.iterations_per_epoch(row.rows, row.batch)

    def iterations_per_epoch(self, rows: int | None, batch: int | None) -> int:
        """Return the iterations of one pass over the rows; one where each takes all of them."""
        if rows is None or batch is None:
            return 1
        return max(1, rows // batch) if self.drops_last else ceil(rows / batch)

    def rows_per_epoch(self, rows: int | None, batch: int | None) -> int | None:
        """Return the rows that an epoch trains on; None where a source does not tell."""
        if rows is None or batch is None or not self.drops_last:
            return rows
        return self.iterations_per_epoch(rows, batch) * batch
