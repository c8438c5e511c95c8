"""The order in which a training sees its rows: the same batches for every backend.

Each epoch passes over the rows in another permutation. Making one takes as long as a step on
thousands of rows and would be timed, so the orders are made beforehand, as many as `CYCLE` and
memory allow, and later epochs begin with the first again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

Last = Literal["keep", "drop"]

CYCLE = 64
"""Epochs with different orders, at most."""
MOST_INDICES = 2**20
"""Indices of all these orders together; the first epoch alone may have more."""

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Batches:
    """Batches of ``size`` of ``rows`` rows; an iteration takes one batch, an epoch all of them.

    If ``size`` does not divide ``rows``, the ``last`` batch is shorter ("keep") or dropped.
    """

    rows: int
    size: int
    last: Last = "keep"
    seed: int = 1

    @property
    def per_epoch(self) -> int:
        """Number of iterations of an epoch."""
        return -(-self.rows // self.size) if self.last == "keep" else self.rows // self.size

    @property
    def rows_per_epoch(self) -> int:
        """Number of rows of an epoch: all, without those of a dropped batch."""
        return self.rows if self.last == "keep" else self.per_epoch * self.size

    @property
    def shortest(self) -> int:
        """Rows in the last batch of an epoch."""
        return self.rows_per_epoch - (self.per_epoch - 1) * self.size

    @property
    def epochs(self) -> int:
        """Number of epochs with different orders; later epochs repeat them."""
        return max(1, min(CYCLE, MOST_INDICES // self.rows))

    @property
    def cycle(self) -> int:
        """Number of iterations after which the batches begin again."""
        return self.epochs * self.per_epoch

    def order(self, epoch: int) -> Indices:
        """Return the rows of an epoch in their order, (`rows_per_epoch`,), without dropped ones."""
        random = np.random.default_rng((self.seed, epoch % self.epochs))
        return random.permutation(self.rows)[: self.rows_per_epoch]

    @cached_property
    def orders(self) -> Indices:
        """All orders, (`epochs` · `rows_per_epoch`,): batch k begins at ``bounds(k)[0]``."""
        return np.concatenate([self.order(epoch) for epoch in range(self.epochs)])

    def bounds(self, iteration: int) -> tuple[int, int]:
        """Return the half-open range in `orders` of the batch of an iteration."""
        epoch, index = divmod(iteration % self.cycle, self.per_epoch)
        epoch_begin = epoch * self.rows_per_epoch
        begin = epoch_begin + index * self.size
        return begin, min(begin + self.size, epoch_begin + self.rows_per_epoch)

    def full_from(self, iteration: int) -> int:
        """Return the number of full batches that are adjacent in `orders`, from an iteration on."""
        if self.shortest == self.size:
            return self.cycle - iteration % self.cycle
        return self.per_epoch - 1 - iteration % self.per_epoch

    def indices(self, iteration: int) -> Indices:
        """Return the rows of an iteration's batch; the first iteration is 0."""
        begin, end = self.bounds(iteration)
        return self.orders[begin:end]

    def spans(self, iteration: int, iterations: int) -> Iterator[tuple[int, int]]:
        """Yield the `bounds` of ``iterations`` batches from ``iteration`` on, in a timed loop."""
        size, per_epoch, rows = self.size, self.per_epoch, self.rows_per_epoch
        remaining = iterations
        epoch, index = divmod(iteration % self.cycle, per_epoch)
        while remaining:
            epoch_begin = epoch * rows
            batches = min(per_epoch - index, remaining)
            last_begin = epoch_begin + (index + batches - 1) * size
            for begin in range(epoch_begin + index * size, last_begin, size):
                yield begin, begin + size
            yield last_begin, min(last_begin + size, epoch_begin + rows)
            remaining -= batches
            index = 0
            epoch = (epoch + 1) % self.epochs
