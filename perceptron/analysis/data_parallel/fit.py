"""What an iteration takes on one machine and what sending takes, fitted to what was measured.

On one process an iteration on r rows takes

    fixed + per_row · r (+ hooks, where DDP is wrapped around the model)

and one of several processes takes beside that, for each bucket of its gradient,

    steps · per_step + bytes · per_byte

All coefficients are at least 0. What is measured varies by factors, so logarithms of iterations are
fitted: to relative errors a time that a neighbour doubled would count more than one that it halved.
The spread is the share by which a new measurement differs at 95 %, as the residuals show it.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, inf, sqrt
from typing import NamedTuple

import numpy as np
from msgspec import Struct
from scipy.optimize import least_squares, nnls

from perceptron.analysis.interval import CONFIDENCE, LARGEST_LOG, Array, quantile

# Of a typical time: a coefficient of less is none, and logarithms need one.
_LEAST = 1e-9
_CLOSE = 1e-12


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
    """Seconds of a ``whole`` iteration over so many machines, each of which computes for some."""

    machines: int
    buckets: tuple[int, ...]
    """Bytes of each bucket of the gradient."""
    computing: float
    """What one process takes for the rows of one machine."""
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
    matrix = [[1.0, time.step_rows, time.is_ddp] for time in times]
    (fixed, per_row, hooks), spread = _fit(
        matrix, [0.0 for _ in times], [time.seconds for time in times]
    )
    return Compute(fixed=fixed, per_row=per_row, hooks=hooks, spread=spread)


def fit_sending(times: Sequence[SendingTime]) -> Sending:
    """Fit what the hosts need to send. Raises ValueError without a time."""
    matrix = [
        [steps(time.machines) * len(time.buckets), sent_share(time.machines) * sum(time.buckets)]
        for time in times
    ]
    (per_step, per_byte), spread = _fit(
        matrix, [time.computing for time in times], [time.whole for time in times]
    )
    return Sending(per_step=per_step, per_byte=per_byte, spread=spread)


def _fit(
    rows: Sequence[Sequence[float]], known: Sequence[float], whole: Sequence[float]
) -> tuple[tuple[float, ...], float]:
    """Return coefficients of at least 0, and by which share a new time is off at 95 %.

    A time is what is ``known`` of it and the rest, which is fitted.
    """
    if not whole:
        raise ValueError("nothing was measured to fit to")
    matrix, base, seconds = (np.asarray(values, np.float64) for values in (rows, known, whole))
    # Columns of seconds and of bytes differ by nine powers of ten; one of zeros tells nothing.
    unit, largest = float(np.median(seconds)), np.abs(matrix).max(axis=0)
    told = np.flatnonzero(largest)
    scaled = matrix[:, told] / largest[told] * unit
    start, _ = nnls(scaled / seconds[:, None], (seconds - base) / seconds)

    def residuals(found: Array) -> Array:
        logarithms: Array = np.log((base + scaled @ found) / seconds)
        return logarithms

    fitted = least_squares(
        residuals,
        np.maximum(start, _LEAST),
        bounds=(_LEAST / 10, np.inf),
        xtol=_CLOSE,
        ftol=_CLOSE,
        gtol=_CLOSE,
    )
    coefficients = np.zeros(len(largest))
    coefficients[told] = fitted.x / largest[told] * unit
    freedom = len(seconds) - len(told)
    spread = inf
    if freedom > 0:
        off = quantile(freedom, CONFIDENCE) * sqrt(2 * fitted.cost / freedom)
        spread = exp(min(off, LARGEST_LOG)) - 1
    return tuple(float(value) for value in coefficients), spread
