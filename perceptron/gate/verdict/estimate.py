"""The tests behind the gate's verdicts: pure functions of log-ratios, one ratio for each block.

A block's log-ratio has heavy tails, because a neighbour's load hits one process of two. So all
estimates are 20% trimmed means: they lose little where tails are light, and keep their level where
a plain mean does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import inf, sqrt

import numpy as np
from scipy import special

from perceptron.statistics.trimmed_mean import trimmed_mean

TRIM = 0.2
# Fewer leave two values after trimming, and one degree of freedom.
FEWEST = 5
# By simulation: estimating the error itself from n values widens the test by this over n, in
# addition to the effect of order statistics: 24% at 5 blocks, 12% at 10, 2% at 60.
_SHORT = 1.2


@dataclass(frozen=True)
class RatioEstimate:
    """A trimmed mean with its standard error and degrees of freedom."""

    mean: float
    error: float
    freedom: int
    blocks: int

    @property
    def spread(self) -> float:
        """Standard deviation of single blocks, for normal values with this error."""
        return self.error / _error_of_unit_spread(self.blocks)


def estimate(values: Sequence[float]) -> RatioEstimate:
    """Return the 20% trimmed mean of the values, one for each block; see `trimmed_mean`.

    Raises ValueError for fewer than `FEWEST` values.
    """
    count = len(values)
    if count < FEWEST:
        raise ValueError(f"{count} blocks are too few: {FEWEST} at least")
    mean, error, degrees = trimmed_mean(np.asarray(values, dtype=float), int(TRIM * count))
    return RatioEstimate(float(mean), float(error), degrees, count)


def p_above(ratio: RatioEstimate, margin: float) -> float:
    """Return the one-sided p-value of the hypothesis that the mean is at most ``margin``."""
    distance = ratio.mean - margin
    if ratio.error == 0:  # counts and bytes are often exactly equal in every block
        return 0.0 if distance > 0 else 1.0
    return float(special.stdtr(ratio.freedom, -distance / ratio.error))


def interval(ratio: RatioEstimate, confidence: float) -> tuple[float, float]:
    """Return the two-sided interval of the mean."""
    half = float(special.stdtrit(ratio.freedom, 0.5 + confidence / 2)) * ratio.error
    return ratio.mean - half, ratio.mean + half


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Return p-values adjusted to bound the probability of any false rejection (Holm, 1979)."""
    adjusted: dict[str, float] = {}
    largest = 0.0
    for rank, name in enumerate(sorted(p_values, key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[name]))
        adjusted[name] = largest
    return adjusted


def detectable(spread: float, blocks: int, alpha: float, power: float, margin: float) -> float:
    """Return the mean that a test against ``margin`` at level ``alpha`` finds with ``power``.

    ``spread`` is the standard deviation of single blocks. Infinite for fewer than `FEWEST` blocks.
    """
    if blocks < FEWEST:
        return inf
    error = spread * _error_of_unit_spread(blocks) * (1 + _SHORT / blocks)
    return margin + error * _noncentrality(freedom(blocks), alpha, power)


def blocks_needed(
    spread: float, wanted: float, alpha: float, power: float, margin: float, most: int
) -> int:
    """Return the fewest blocks that detect a mean of ``wanted``, at most ``most``."""
    for blocks in range(FEWEST, most):
        if detectable(spread, blocks, alpha, power, margin) <= wanted:
            return blocks
    return most


def largest_spread(ratio: RatioEstimate, confidence: float) -> float:
    """Return an upper bound of the spread, for normal values with as many degrees of freedom."""
    return ratio.spread * sqrt(ratio.freedom / float(special.chdtri(ratio.freedom, confidence)))


def freedom(blocks: int) -> int:
    """Return the degrees of freedom of this number of blocks after trimming."""
    return blocks - 2 * int(TRIM * blocks) - 1


@lru_cache
def _error_of_unit_spread(blocks: int) -> float:
    """Return the standard error of the trimmed mean of ``blocks`` standard normal values.

    About 1.07 / √n, from expected order statistics as approximated by Blom (1958), so that
    `RatioEstimate.spread` of normal values is about their standard deviation at every n.
    """
    ranks = (np.arange(1, blocks + 1) - 0.375) / (blocks + 0.25)
    return estimate(special.ndtri(ranks).tolist()).error


@lru_cache
def _noncentrality(freedom: int, alpha: float, power: float) -> float:
    """Return by how many standard errors the mean must exceed the margin."""
    critical = float(special.stdtrit(freedom, 1 - alpha))
    return float(special.nctdtrinc(freedom, 1 - power, critical))
