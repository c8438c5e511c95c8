"""Fit the costs of a curve, and what shapes nearby correct: no single row decides either.

Costs are the non-negative least squares (Lawson and Hanson, Solving Least Squares Problems, 1974)
of logarithms, of which none counts as more than so far off (Huber, Robust Statistics, 1981,
section 7.8). The logarithms left over are taken for a Gaussian process, whose reach and noise are
those that predict each shape best from the others (Rasmussen and Williams, Gaussian Processes for
Machine Learning, 2006, section 5.4.2).
"""

from __future__ import annotations

from math import exp, inf, log, sqrt

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from scipy.optimize import nnls

Array = NDArray[np.float64]

LEAST_NOISE = 0.02
"""Two processes of the same shape differ by so much, whatever a fit to a few says."""
# A logarithm that is further off than this counts as this far.
_FARTHEST_OFF = 0.5
# Every cost begins as what the fastest rows bear: this share of them is faster than that.
_FAST_SHARE = 0.1
_MOST_STEPS = 100
_SETTLED = 1e-3
_ROOT = sqrt(3)
_REACHES = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
# Of the variance that shapes share, what each has of its own.
_NOISES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
# What shapes vary by, and how many shapes that is worth: a fit to a few leaves too little over.
_USUAL_SPREAD = 0.35
_WORTH = 10
# A row is absurd that the others contradict by a factor, and by as many of their usual deviations.
_ABSURD = 10.0
_DEVIATIONS = 6.0
# At most one row in so many is called that: where more are, nothing is known of what is right.
_ONE_IN = 10
# The median of a normal distribution's absolute values, in standard deviations.
_MEDIAN_DEVIATION = 0.6745


class Neighbourhood(Struct, frozen=True, kw_only=True):
    """What measured shapes say of those around them; see the fields of a `CostCurve`."""

    kept: tuple[int, ...]
    """Which rows: all but the absurd ones."""
    corrections: tuple[float, ...] = ()
    """A correction for each of those."""
    reach: float = 1.0
    spread: float = 0.0
    noise: float = LEAST_NOISE
    errors: tuple[float, ...] = ()
    """By how much the others miss each of those, as a logarithm."""


def costs(amounts: Array, seconds: Array) -> tuple[tuple[float, ...], Array]:
    """Return the costs of each unit whose sums are nearest to ``seconds``, and what is left over.

    ``amounts`` are rows × terms, those of the first term above 0 as all seconds are. No cost is
    negative and no sum is 0. What is left over are logarithms, whose median is 0: far from all
    measured shapes the sum is the estimate.
    """
    found = _bearable(amounts, seconds)
    sums = amounts @ found
    for _ in range(_MOST_STEPS):
        off = np.clip(np.log(seconds / sums), -_FARTHEST_OFF, _FARTHEST_OFF)
        relative = amounts / sums[:, None]
        # Columns of one size: operations are counted by the million, layers are few.
        sizes = np.linalg.norm(relative, axis=0)
        sizes[sizes == 0] = 1.0
        better, _ = nnls(relative / sizes, 1 + off, maxiter=100 * len(sizes))
        # Half a step: no sum falls to 0, and where steps alternate they meet.
        found = (found + better / sizes) / 2
        before, sums = sums, amounts @ found
        if np.max(np.abs(np.log(sums / before))) < _SETTLED:
            break
    left = np.log(seconds / sums)
    middle = float(np.median(left))
    return tuple(float(cost) for cost in exp(middle) * found), left - middle


def _bearable(amounts: Array, seconds: Array) -> Array:
    """Return of each cost what nearly all rows could bear if there were no other; none is 0."""
    begin = np.zeros(amounts.shape[1])
    for term, column in enumerate(amounts.T):
        there = column > 0
        if there.any():
            begin[term] = np.quantile(seconds[there] / column[there], _FAST_SHARE)
    return begin


def neighbourhood(places: Array, left: Array) -> Neighbourhood:
    """Return what the logarithms that costs leave over at these places say of others nearby.

    ``places`` are rows × coordinates. Rows that the others contradict absurdly are left out, the
    worst first.
    """
    kept = list(range(len(left)))
    found = _smooth(places, left, kept)
    for _ in range(len(left) // _ONE_IN):
        errors = np.abs(found.errors)
        usual = float(np.median(errors)) / _MEDIAN_DEVIATION
        absurd = np.flatnonzero(errors > max(log(_ABSURD), _DEVIATIONS * usual))
        if not len(absurd):
            break
        # Beside an absurd row others look so too: the one that the costs contradict more goes.
        kept.remove(max((kept[index] for index in absurd), key=lambda row: abs(left[row])))
        found = _smooth(places, left, kept)
    return found


def _smooth(places: Array, left: Array, kept: list[int]) -> Neighbourhood:
    left, places = left[kept], places[kept]
    away = np.linalg.norm(places[:, None] - places[None], axis=-1)
    best = (-inf, Neighbourhood(kept=tuple(kept)))
    for reach in _REACHES:
        alike = (1 + _ROOT * away / reach) * np.exp(-_ROOT * away / reach)
        # Of a sum with any noise the inverse is then at hand.
        values, vectors = np.linalg.eigh(alike)
        for noise in _NOISES:
            halfway = vectors / (np.maximum(values, 0.0) + noise)
            weights, precision = halfway @ (vectors.T @ left), np.sum(halfway * vectors, axis=1)
            errors = weights / precision
            shared = _WORTH * _USUAL_SPREAD**2 + float(np.sum(weights * errors))
            shared /= _WORTH + len(left)
            variance = shared / precision
            likely = -float(np.sum(np.log(variance) + errors**2 / variance))
            if likely > best[0]:
                own = Neighbourhood(
                    kept=tuple(kept),
                    corrections=tuple(map(float, weights)),
                    reach=reach,
                    spread=sqrt(shared),
                    noise=max(sqrt(noise * shared), LEAST_NOISE),
                    errors=tuple(map(float, errors)),
                )
                best = (likely, own)
    return best[1]
