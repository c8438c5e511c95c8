"""What an iteration of any shape takes on a backend: a curve that is fitted to measured shapes.

Seconds per iteration are a sum of costs that are never negative, each in proportion to something
that is counted from the shape: the call itself, the layers, the operations, the bytes … What that
leaves over varies smoothly with the sizes, so measured shapes nearby correct it, and how far they
are away says how sure the estimate is. Evaluating is plain Python: a program that asks once must
not wait for SciPy, which only `fit` needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import dist, exp, log, sqrt

from msgspec import Struct


class TrainingShape(Struct, frozen=True, kw_only=True, gc=False):
    """What is trained, as far as it decides the time: equal shapes take equally long."""

    rows: int
    """Of the data set."""
    features: int
    hidden: tuple[int, ...] = ()
    outputs: int = 1
    batch: int | None = None
    """Rows of an iteration; None where it takes all of them."""
    optimizer: str = "sgd"
    models: int = 1
    """Trained at once, an iteration being a step of each."""


class Work(Struct, frozen=True, kw_only=True, gc=False):
    """A shape, and what one iteration of it takes: counted, and that of all models together."""

    shape: TrainingShape
    iterations_per_epoch: int
    operations: int
    bytes_moved: int
    """If nothing stays in a cache."""
    parameters: int
    activations: int
    """Values that the layers put out."""
    state_arrays: int
    """Arrays of the parameters' size that the optimizer keeps."""


class MeasuredWork(Struct, frozen=True, kw_only=True, gc=False):
    """What a backend took for a shape, with one dtype and number of threads; or why it did not.

    ``seconds`` are per iteration, with their interval over the processes that measured it.
    """

    work: Work
    backend: str
    device: str
    seconds: float | None = None
    low: float | None = None
    high: float | None = None
    prepare_seconds: float = 0.0
    """Allocating, copying to the device, compiling: once in a training."""
    when: str = ""
    """UTC, ISO 8601."""
    reason: str | None = None
    """Why there is no time, in one line; None if there is one."""


class Estimate(Struct, frozen=True, gc=False):
    """Seconds with an interval that holds about 95 %."""

    seconds: float
    low: float
    high: float
    distance: float = 0.0
    """To the nearest measured shape: 1 is a factor of e in one size. 0 where it was measured."""


class CostCurve(Struct, frozen=True, kw_only=True):
    """The fitted cost of one backend: `seconds` evaluates it."""

    backend: str
    device: str
    coefficients: tuple[float, ...]
    """Seconds for each unit of a term of `terms`, none negative."""
    places: tuple[tuple[float, ...], ...] = ()
    """Measured shapes, each at its `place`."""
    corrections: tuple[float, ...] = ()
    """How much each measured shape moves the logarithm of an estimate that is right at it."""
    reach: float = 1.0
    """Distance over which measured shapes correct."""
    spread: float = 0.0
    """Standard deviation of the logarithm, far from all measured shapes."""
    noise: float = 0.0
    """The same at a measured shape."""
    prepare: tuple[float, ...] = ()
    """As ``coefficients``, for the seconds of preparing once."""

    def seconds(self, work: Work) -> Estimate:
        """Estimate the seconds of one iteration."""
        raise NotImplementedError

    def prepare_seconds(self, work: Work) -> float:
        """Estimate the seconds of preparing once."""
        raise NotImplementedError


def fit(rows: Iterable[MeasuredWork]) -> dict[str, CostCurve]:
    """Fit a curve for each backend to rows of one machine, dtype and number of threads.

    A backend with fewer than `FEWEST` shapes has none.
    """
    raise NotImplementedError
