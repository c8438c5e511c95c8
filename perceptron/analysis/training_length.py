"""How long a whole training is: a number of iterations, or of passes over the rows."""

from __future__ import annotations

from msgspec import Struct

from perceptron.analysis.throughput import epoch_of
from perceptron.records.measurement import Measurement


class TrainingLength(Struct, frozen=True, kw_only=True):
    """A training of ``iterations``, or of so many ``epochs`` if they are not None.

    With epochs the number of iterations follows from the rows and the batch of each problem.
    """

    iterations: int = 10_000
    epochs: int | None = None

    def of(self, row: Measurement) -> int:
        """Return the iterations of a whole training of the problem that a row is of."""
        return self.iterations if self.epochs is None else self.epochs * iterations_per_epoch(row)


def iterations_per_epoch(row: Measurement) -> int:
    """Return the iterations of one pass over the rows; one where each takes all of them."""
    epoch = epoch_of(row)
    return 1 if epoch is None else epoch.iterations
