"""What an iteration of any shape takes on a backend: a curve that is fitted to measured shapes.

Seconds per iteration are a sum of costs, none of them negative, each in proportion to something
that is counted from the shape: the call itself, the layers, the operations, the bytes … What that
leaves over varies smoothly with the sizes: it is the mean of a Gaussian process. So measured shapes
nearby correct it, and how far away they are says how sure the estimate is. Evaluating is plain
Python: a program that asks once must not wait for SciPy, which `fit` alone needs; how it fits is
said in `cost_fit`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import dist, exp, inf, log, sqrt
from operator import mul

from msgspec import Struct

from perceptron.analysis.work import CONTENDED, ONE_REPEAT, MeasuredWork, Work
from perceptron.grouping import grouped

FEWEST = 4
"""Measured shapes that a curve needs."""
# The newest that a curve remembers: each costs half a microsecond whenever it is evaluated.
_MOST = 200
# Standard deviations that an interval of 95% reaches to each side.
_NORMAL = 1.96
_LARGEST_LOG = 300.0
_ROOT = sqrt(3)
# Beyond so many times its reach a shape says nothing.
_FAR = 20.0
_LEAST_SECONDS = 1e-6


class Estimate(Struct, frozen=True, gc=False):
    """Seconds with an interval that holds about 95%."""

    seconds: float
    low: float
    high: float
    distance: float = 0.0
    """Distance to the nearest measured shape of this backend: 1 is a factor of e in one size."""


class CostCurve(Struct, frozen=True, kw_only=True):
    """The fitted cost of one backend: `seconds` evaluates it."""

    backend: str
    device: str
    coefficients: tuple[float, ...]
    """Seconds for each unit of a term of `_terms`, none negative."""
    prepare: tuple[float, ...] = ()
    """The same for the setup, of `_preparing_terms`."""
    prepare_spread: float = 0.0
    """Standard deviation of the logarithm of that."""
    kinds: tuple[str, ...] = ()
    """Kinds of the measured shapes; the backend may not train shapes of another kind."""
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
    doubt: str | None = None
    """Why the measured shapes are in doubt, where too few others were beside them."""

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
        correction = max(-_LARGEST_LOG, min(correction, _LARGEST_LOG))
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
        """Estimate the seconds of one setup."""
        return _estimate(_sum(self.prepare, _preparing_terms(work)), self.prepare_spread)


def _estimate(seconds: float, deviation: float, distance: float = 0.0) -> Estimate:
    factor = exp(min(_NORMAL * deviation, _LARGEST_LOG))
    return Estimate(seconds, seconds / factor, seconds * factor, distance)


def fit(rows: Iterable[MeasuredWork]) -> dict[str, CostCurve]:
    """Fit a curve for each backend to rows of one machine, dtype and number of threads.

    Of several rows of one shape the newest counts. A backend with fewer than `FEWEST` shapes has no
    curve. Times in doubt count where there are fewer without, and the curve inherits their doubt.
    """
    by_backend = grouped(sorted(rows, key=lambda row: row.when), lambda row: row.backend)
    return {name: curve for name, own in by_backend.items() if (curve := _surest(own)) is not None}


def _surest(rows: Sequence[MeasuredWork]) -> CostCurve | None:
    for doubts in ((None,), (None, ONE_REPEAT), (None, ONE_REPEAT, CONTENDED)):
        ordered = sorted(rows, key=lambda row: (row.doubt != CONTENDED, row.when))
        shapes = {row.work.shape: row for row in ordered if row.doubt in doubts}
        if len(shapes) >= FEWEST:
            newest = sorted(shapes.values(), key=lambda row: row.when)[-_MOST:]
            return _fit_one(newest, doubts[-1])
    return None


def _fit_one(rows: Sequence[MeasuredWork], doubt: str | None) -> CostCurve:
    import numpy as np

    # It brings SciPy.
    from perceptron.analysis.cost_fit import LEAST_NOISE, costs, neighbourhood

    amounts = np.array([_terms(row.work) for row in rows])
    coefficients, left = costs(amounts, np.array([row.seconds for row in rows]))
    places = [_place(row.work) for row in rows]
    near = neighbourhood(np.array(places), left)
    amounts = np.array([_preparing_terms(row.work) for row in rows])
    preparing = np.array([max(row.prepare_seconds, _LEAST_SECONDS) for row in rows])
    prepare, left = costs(amounts, preparing)
    return CostCurve(
        backend=rows[-1].backend,
        device=rows[-1].device,
        coefficients=coefficients,
        prepare=prepare,
        prepare_spread=max(float(np.std(left)), LEAST_NOISE),
        kinds=tuple(sorted({row.work.shape.kind for row in rows})),
        places=tuple(places[index] for index in near.kept),
        corrections=near.corrections,
        reach=near.reach,
        spread=near.spread,
        noise=near.noise,
        doubt=doubt,
    )


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
