"""The tests that the gate's verdicts rest on: pure functions of log-ratios, one for each block.

A block's log-ratio has heavy tails (a neighbour's load hits one process of two), so everything is
built on 20 % trimmed means: they lose little where tails are light, and keep the level where a mean
does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import inf, sqrt

import numpy as np
from scipy import special

TRIM = 0.2
# Fewer leave two values after trimming, and no degree of freedom worth its name.
FEWEST = 5
# By simulation: so much more than expected order statistics say does the error of n values scatter
# the test, as a share of n: 24 % at 5 blocks, 12 % at 10, 2 % at 60.
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
        """The standard deviation of single blocks that normal values of this error would have."""
        return self.error / _error_of_unit_spread(self.blocks)


def estimate(values: Sequence[float]) -> RatioEstimate:
    """Yuen's one-sample trimmed mean: error² = (n − 1) s_w² / (h (h − 1)), freedom h − 1.

    h values remain after trimming, s_w² is the variance of the winsorised values (Yuen, 1974;
    Wilcox, Introduction to Robust Estimation, section 4.3). At least `FEWEST` values.
    """
    count = len(values)
    if count < FEWEST:
        raise ValueError(f"{count} blocks are too few: {FEWEST} at least")
    cut = int(TRIM * count)
    left = count - 2 * cut
    ordered = np.sort(np.asarray(values, dtype=float))
    kept = ordered[cut : count - cut]
    variance = np.clip(ordered, kept[0], kept[-1]).var(ddof=1)
    error = sqrt((count - 1) * variance / (left * (left - 1)))
    return RatioEstimate(float(kept.mean()), error, left - 1, count)


def p_above(found: RatioEstimate, margin: float) -> float:
    """One-sided p-value of *the mean is at most margin*."""
    distance = found.mean - margin
    if found.error == 0:  # counts and bytes are often exactly equal in every block
        return 0.0 if distance > 0 else 1.0
    return float(special.stdtr(found.freedom, -distance / found.error))


def interval(found: RatioEstimate, confidence: float) -> tuple[float, float]:
    """Two-sided interval of the mean."""
    half = float(special.stdtrit(found.freedom, 0.5 + confidence / 2)) * found.error
    return found.mean - half, found.mean + half


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Adjusted p-values: at most α of them lead to any false rejection (Holm, 1979)."""
    adjusted: dict[str, float] = {}
    largest = 0.0
    for rank, name in enumerate(sorted(p_values, key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[name]))
        adjusted[name] = largest
    return adjusted


def detectable(spread: float, blocks: int, alpha: float, power: float, margin: float) -> float:
    """The mean that a test against ``margin`` at level ``alpha`` finds with ``power``.

    ``spread`` is the standard deviation of single blocks. Infinite if there are too few blocks.
    """
    if blocks < FEWEST:
        return inf
    error = spread * _error_of_unit_spread(blocks) * (1 + _SHORT / blocks)
    return margin + error * _noncentrality(freedom(blocks), alpha, power)


def blocks_needed(
    spread: float, wanted: float, alpha: float, power: float, margin: float, most: int
) -> int:
    """The fewest blocks that detect a mean of ``wanted``; ``most`` if those do not either."""
    for blocks in range(FEWEST, most):
        if detectable(spread, blocks, alpha, power, margin) <= wanted:
            return blocks
    return most


def largest_spread(found: RatioEstimate, confidence: float) -> float:
    """Upper bound of the spread, as of normal values with as many degrees of freedom."""
    return found.spread * sqrt(found.freedom / float(special.chdtri(found.freedom, confidence)))


def freedom(blocks: int) -> int:
    """Degrees of freedom of so many blocks after trimming."""
    return blocks - 2 * int(TRIM * blocks) - 1


@lru_cache
def _error_of_unit_spread(blocks: int) -> float:
    """The standard error of the trimmed mean of so many standard normal values.

    Near 1.07 / √n; from the expected order statistics, as Blom (1958) approximates them, so that
    `RatioEstimate.spread` of normal values is about their standard deviation at every n.
    """
    ranks = (np.arange(1, blocks + 1) - 0.375) / (blocks + 0.25)
    return estimate(special.ndtri(ranks).tolist()).error


@lru_cache
def _noncentrality(freedom: int, alpha: float, power: float) -> float:
    """By how many standard errors the mean must exceed the margin."""
    critical = float(special.stdtrit(freedom, 1 - alpha))
    return float(special.nctdtrinc(freedom, 1 - power, critical))
