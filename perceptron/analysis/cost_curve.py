"""What an iteration of any shape takes on a backend: a curve that is fitted to measured shapes.

Seconds per iteration are a sum of costs, none of them negative, each in proportion to something
that is counted from the shape: the call itself, the layers, the operations, the bytes … What that
leaves over varies smoothly with the sizes. So measured shapes nearby correct it, and how far away
they are says how sure the estimate is. Evaluating is plain Python: a program that asks once must
not wait for SciPy, which `fit` alone needs.

The costs are the non-negative least squares of relative errors (Lawson and Hanson, Solving Least
Squares Problems, 1974). The logarithms left over are taken for a Gaussian process, whose reach and
noise are those that predict each shape best from the others (Rasmussen and Williams, Gaussian
Processes for Machine Learning, 2006, section 5.4.2).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import product
from math import dist, exp, inf, log, sqrt
from operator import mul
from typing import Any

from msgspec import Struct

from perceptron.analysis.work import MeasuredWork, TrainingShape, Work

FEWEST = 4
"""Measured shapes that a curve needs."""
# The newest that a curve remembers: each costs half a microsecond whenever it is evaluated.
_MOST = 200
# Standard deviations that an interval of 95 % reaches to each side.
_NORMAL = 1.96
_LARGEST_LOG = 300.0
_ROOT = sqrt(3)
# Beyond so many times its reach a shape says nothing.
_FAR = 20.0
_REACHES = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
# Of the variance that shapes share, what each has of its own.
_NOISES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
# What shapes vary by, and how many shapes that is worth: a fit to a few leaves too little over.
_USUAL_SPREAD = 0.35
_WORTH = 10
_LEAST_SECONDS = 1e-6
# Two processes of the same shape differ by so much, whatever a fit to a few says.
_LEAST_NOISE = 0.02

Terms = Callable[[Work], tuple[float, ...]]


class Estimate(Struct, frozen=True, gc=False):
    """Seconds with an interval that holds about 95 %."""

    seconds: float
    low: float
    high: float
    distance: float = 0.0
    """To the nearest measured shape of this backend: 1 is a factor of e in one size."""


class CostCurve(Struct, frozen=True, kw_only=True):
    """The fitted cost of one backend: `seconds` evaluates it."""

    backend: str
    device: str
    coefficients: tuple[float, ...]
    """Seconds for each unit of a term of `_terms`, none negative."""
    prepare: tuple[float, ...] = ()
    """The same for preparing, of `_preparing_terms`."""
    prepare_spread: float = 0.0
    """Standard deviation of the logarithm of that."""
    kinds: tuple[str, ...] = ()
    """Those of the measured shapes: of another kind the backend may train none."""
    places: tuple[tuple[float, ...], ...] = ()
    """Where each of them lies, see `_place`."""
    corrections: tuple[float, ...] = ()
    """How much each of them moves the logarithm of an estimate that is right at it."""
    reach: float = 1.0
    """Distance over which they do."""
    spread: float = 0.0
    """Standard deviation of the logarithm, far from all of them."""
    noise: float = 0.0
    """The same of a measured shape itself."""

    def plain_seconds(self, work: Work) -> float:
        """Return the sum of costs alone, which never falls when any of the work grows."""
        return _sum(self.coefficients, _terms(work))

    def seconds(self, work: Work) -> Estimate:
        """Estimate the seconds of one iteration, corrected by measured shapes nearby."""
        here, reach = _place(work), self.reach
        away = [dist(here, place) for place in self.places]
        correction = 0.0
        for weight, distance in zip(self.corrections, away, strict=True):
            correction += weight * _alike(distance / reach)
        nearest = min(away, default=inf)
        middle = self.plain_seconds(work) * exp(correction)
        return _estimate(middle, self._deviation(nearest), nearest)

    def _deviation(self, nearest: float) -> float:
        """Return the standard deviation of the logarithm, as if the nearest shape were alone."""
        if not self.spread:
            return self.noise
        shared, own = self.spread**2, self.noise**2
        known = _alike(nearest / self.reach) ** 2 / (1 + own / shared)
        return sqrt(shared * (1 - known) + own)

    def prepare_seconds(self, work: Work) -> Estimate:
        """Estimate the seconds of preparing once."""
        return _estimate(_sum(self.prepare, _preparing_terms(work)), self.prepare_spread)


def _estimate(seconds: float, deviation: float, distance: float = 0.0) -> Estimate:
    factor = exp(min(_NORMAL * deviation, _LARGEST_LOG))
    return Estimate(seconds, seconds / factor, seconds * factor, distance)


def fit(rows: Iterable[MeasuredWork]) -> dict[str, CostCurve]:
    """Fit a curve for each backend to rows of one machine, dtype and number of threads.

    Rows without a time are left out; of several of one shape the newest counts. A backend with
    fewer than `FEWEST` shapes has no curve.
    """
    by_backend: dict[str, dict[TrainingShape, MeasuredWork]] = {}
    for row in sorted(rows, key=lambda row: row.when):
        if row.seconds is not None and row.seconds > 0:
            by_backend.setdefault(row.backend, {})[row.work.shape] = row
    return {
        name: _fit_one(sorted(shapes.values(), key=lambda row: row.when)[-_MOST:])
        for name, shapes in by_backend.items()
        if len(shapes) >= FEWEST
    }


def _fit_one(rows: Sequence[MeasuredWork]) -> CostCurve:
    import numpy as np

    seconds = np.array([row.seconds for row in rows])
    coefficients, left = _costs(rows, _terms, seconds)
    places = [_place(row.work) for row in rows]
    reach, corrections, spread, noise = _process(np.array(places), left)
    preparing = np.array([max(row.prepare_seconds, _LEAST_SECONDS) for row in rows])
    prepare, left = _costs(rows, _preparing_terms, preparing)
    return CostCurve(
        backend=rows[-1].backend,
        device=rows[-1].device,
        coefficients=coefficients,
        prepare=prepare,
        prepare_spread=max(float(np.std(left)), _LEAST_NOISE),
        kinds=tuple(sorted({row.work.shape.kind for row in rows})),
        places=tuple(places),
        corrections=corrections,
        reach=reach,
        spread=spread,
        noise=noise,
    )


def _costs(
    rows: Sequence[MeasuredWork], terms: Terms, seconds: Any
) -> tuple[tuple[float, ...], Any]:
    """Return the costs whose sums are nearest to these seconds, and the logarithms left over.

    The median of those is 0: far from all measured shapes the sum is the estimate.
    """
    import numpy as np
    from scipy.optimize import nnls

    amounts = np.array([terms(row.work) for row in rows], np.float64) / seconds[:, None]
    # Columns of one size: operations are counted by the million, layers are few.
    sizes = np.linalg.norm(amounts, axis=0)
    sizes[sizes == 0] = 1.0
    costs, _ = nnls(amounts / sizes, np.ones(len(rows)), maxiter=100 * len(sizes))
    left = -np.log(amounts @ (costs / sizes))
    middle = float(np.median(left))
    return tuple(float(cost) for cost in exp(middle) * costs / sizes), left - middle


def _process(places: Any, left: Any) -> tuple[float, tuple[float, ...], float, float]:
    """Return the reach, the correction of each place, the spread and the noise."""
    import numpy as np

    away = np.linalg.norm(places[:, None] - places[None], axis=-1)
    best = (-inf, 1.0, np.zeros(len(left)), 0.0, _LEAST_NOISE)
    for reach, noise in product(_REACHES, _NOISES):
        alike = (1 + _ROOT * away / reach) * np.exp(-_ROOT * away / reach)
        inverse = np.linalg.inv(alike + noise * np.eye(len(left)))
        weights, precision = inverse @ left, np.diag(inverse)
        # Each shape predicted from the others is off by weight/precision.
        apart = float(np.sum(weights**2 / precision))
        shared = (_WORTH * _USUAL_SPREAD**2 + apart) / (_WORTH + len(left))
        variance = shared / precision
        likely = -float(np.sum(np.log(variance) + (weights / precision) ** 2 / variance))
        if likely > best[0]:
            best = (likely, reach, weights, sqrt(shared), sqrt(noise * shared))
    _, reach, weights, spread, noise = best
    return reach, tuple(map(float, weights)), spread, max(noise, _LEAST_NOISE)


def _terms(work: Work) -> tuple[float, ...]:
    """Return what costs are in proportion to: calls first, then amounts."""
    return (
        1.0,
        float(work.layers),
        float(work.layers * work.state_arrays),
        float(work.shape.batch is not None),
        float(work.layers * (work.shape.models - 1)),
        float(work.operations),
        float(work.bytes_moved),
        float(work.activations),
        float(work.parameters * (1 + work.state_arrays)),
    )


def _preparing_terms(work: Work) -> tuple[float, ...]:
    shape = work.shape
    values = shape.rows * (shape.features + shape.outputs)
    return (1.0, float(work.layers), float(values), float(work.parameters), float(work.operations))


def _place(work: Work) -> tuple[float, ...]:
    """Return where a shape lies: sizes as logarithms, and each yes or no as a step between two."""
    shape = work.shape
    return (
        log(shape.batch or shape.rows),
        log(shape.features),
        log(1 + sum(shape.hidden)),
        log(work.parameters / shape.models),
        log(shape.outputs),
        log(shape.models),
        float(len(shape.hidden)),
        float(shape.outputs > 1),
        float(shape.batch is not None),
        float(work.state_arrays > 0),
    )


def _alike(distance: float) -> float:
    """Return how alike two shapes are so many reaches apart: Matérn's function of order 3/2."""
    return (1 + _ROOT * distance) * exp(-_ROOT * distance) if distance < _FAR else 0.0


def _sum(coefficients: Sequence[float], terms: Sequence[float]) -> float:
    return float(sum(map(mul, coefficients, terms)))
