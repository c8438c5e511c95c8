"""What an iteration takes on one machine and what sending takes, fitted to what was measured.

On one process an iteration on r rows takes

    fixed + per_row · r (+ hooks, where DDP is wrapped around the model)

and one of several processes takes beside that, for each bucket of its gradient,

    steps · per_step + bytes · per_byte

All coefficients are at least 0, and fitted to relative errors: what is measured varies by factors.
The spread is what a new measurement differs by at 95 %, as the residuals show it.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, sqrt
from typing import NamedTuple

import numpy as np
from msgspec import Struct
from scipy.optimize import nnls

from perceptron.analysis.interval import CONFIDENCE, quantile


class IterationTime(NamedTuple):
    """Seconds of an iteration on so many rows in one process, in DDP or without."""

    step_rows: int
    is_ddp: bool
    seconds: float


class Compute(Struct, frozen=True, kw_only=True):
    """What an iteration takes on one machine, in seconds; ``spread`` is a share of it."""

    fixed: float
    """That does not divide: what every iteration takes, the optimizer's step with it."""
    per_row: float
    hooks: float
    """What DDP adds without a partner: its hooks and buckets."""
    spread: float

    def seconds(self, step_rows: float, is_ddp: bool = True) -> float:
        """Return what an iteration on so many rows takes."""
        return self.fixed + self.per_row * step_rows + self.hooks * is_ddp


class SendingTime(NamedTuple):
    """Seconds of an iteration over ``machines`` beyond those that each of them computes for.

    Of the ``whole`` iteration, which tells how sure they are.
    """

    machines: int
    buckets: tuple[int, ...]
    """Bytes of each bucket of the gradient."""
    seconds: float
    whole: float


class Sending(Struct, frozen=True, kw_only=True):
    """What the hosts need for a message themselves; ``spread`` is a share of the iteration."""

    per_step: float
    """Seconds for each step of an all-reduce, however short."""
    per_byte: float
    """Seconds for each byte that a process sends."""
    spread: float


def steps(machines: int) -> int:
    """Return how many messages follow each other in an all-reduce over a ring.

    A reduce-scatter and an all-gather of N−1 steps each: Patarasuk and Yuan, "Bandwidth optimal
    all-reduce algorithms for clusters of workstations", 2009; what gloo does unless told otherwise
    (gloo/allreduce.cc).
    """
    return 2 * (machines - 1)


def sent_share(machines: int) -> float:
    """Return how many times the gradient's bytes each process sends: 2(N−1)/N."""
    return 2 * (machines - 1) / machines


def fit_compute(times: Sequence[IterationTime]) -> Compute:
    """Fit what an iteration takes on one machine. Raises ValueError without a time."""
    matrix = np.array([[1.0, time.step_rows, time.is_ddp] for time in times])
    seconds = np.array([time.seconds for time in times])
    (fixed, per_row, hooks), spread = _fit(matrix, seconds, seconds)
    return Compute(fixed=fixed, per_row=per_row, hooks=hooks, spread=spread)


def fit_sending(times: Sequence[SendingTime]) -> Sending:
    """Fit what the hosts need to send. Raises ValueError without a time.

    A difference below 0, of two times that are equal but for noise, counts as it is.
    """
    matrix = np.array(
        [
            [
                steps(time.machines) * len(time.buckets),
                sent_share(time.machines) * sum(time.buckets),
            ]
            for time in times
        ],
        float,
    )
    seconds = np.array([time.seconds for time in times])
    (per_step, per_byte), spread = _fit(matrix, seconds, np.array([time.whole for time in times]))
    return Sending(per_step=per_step, per_byte=per_byte, spread=spread)


def _fit(
    matrix: np.ndarray, seconds: np.ndarray, scale: np.ndarray
) -> tuple[tuple[float, ...], float]:
    """Return coefficients of at least 0, and how far a new time is off at 95 %, over its scale."""
    if not len(seconds):
        raise ValueError("nothing was measured to fit to")
    # Columns of seconds and of bytes differ by nine powers of ten.
    size = np.abs(matrix).max(axis=0)
    size[size == 0] = 1.0
    scaled = matrix / size / scale[:, None]
    found, distance = nnls(scaled, seconds / scale)
    freedom = len(seconds) - int(np.count_nonzero(found))
    spread = quantile(freedom, CONFIDENCE) * distance / sqrt(freedom) if freedom > 0 else inf
    return tuple(float(value) for value in found / size), float(spread)
