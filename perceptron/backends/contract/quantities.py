"""What is compared of two trainings: losses and arrays of parameters, by how far they moved.

A relative difference of the values themselves would pass any backend on a problem that stands
still.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from perceptron.problems.datasets import Array
from perceptron.problems.problem import DType

Mask = npt.NDArray[np.bool_]

ITERATIONS = 10

# Share of its movement by which a quantity may differ. float32 leaves 1e-7 to 1e-5 on our families;
# TF32 products (10 bits of mantissa) leave 1e-3.
TOLERANCE: dict[DType, float] = {"float32": 5e-4, "float64": 1e-9}

# A problem is refused where rounding alone could reach this share of a movement: beyond it a wrong
# step could hide behind rounding.
LARGEST_ALLOWANCE = 0.05


class Refused(Exception):
    """Agreement cannot be shown on this problem; the message says why, in one line."""


@dataclass(frozen=True)
class Quantity:
    """A loss or one array of parameters: where it started and where the reference left it.

    ``known`` has the values that can be compared in a dtype, all where it has none, and ``spread``
    how far these may lie apart because of the others. ``movement`` is what differences are counted
    in, where it is larger than the quantity's own. Arrays of several ``models`` are stacked, with
    an axis of models in front; each model is judged by itself, by its movement or the models' root
    mean square, the larger. So many ``outliers`` of them rounding may carry further than the
    ``spread``, in which they do not count.
    """

    name: str
    start: Array
    end: Array
    known: Mapping[DType, Mask] = field(default_factory=dict)
    spread: Mapping[DType, float] = field(default_factory=dict)
    movement: float = 0.0
    models: int = 1
    outliers: int = 0

    def mask(self, dtype: DType) -> Mask:
        """Return which values can be compared in a dtype, in the shape of ``end``."""
        return self.known.get(dtype, np.ones(self.end.shape, bool))

    def norms(self, values: Array, dtype: DType) -> Array:
        """Return the norm of each model's known values, (models,)."""
        # In float64: squares of small float32 movements would underflow.
        known = np.where(self.mask(dtype), np.asarray(values, np.float64), 0.0)
        norms: Array = np.linalg.norm(known.reshape(self.models, -1), axis=1)
        return norms

    def moved(self, dtype: DType) -> Array:
        """Return what the differences of each model are counted in, (models,)."""
        own = self.norms(self.end - self.start, dtype)
        return np.maximum(own, max(self.movement, float(np.sqrt((own**2).mean()))))


@dataclass(frozen=True)
class Accuracy:
    """A share of rows, and of the rows whose class rounding may change in a dtype."""

    name: str
    share: float
    undecided: Mapping[DType, float]


@dataclass(frozen=True)
class Reference:
    """What ten iterations of float64 NumPy make of a problem."""

    quantities: tuple[Quantity, ...]
    accuracies: tuple[Accuracy, ...] = ()
