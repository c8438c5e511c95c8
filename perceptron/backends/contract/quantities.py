"""What is compared of two trainings: losses and arrays of parameters, by how far they moved.

A relative difference of the values themselves would pass any backend on a problem that stands
still. A file holds them for other processes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt

from perceptron.problems.datasets import Array
from perceptron.problems.problem import DTYPES, DType

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


def pack_reference(expected: Reference) -> bytes:
    """Return a reference as the content of a file."""
    content = BytesIO()
    fields: dict[str, object] = {}
    for number, quantity in enumerate(expected.quantities):
        fields |= {f"quantity {number} {key}": value for key, value in _quantity(quantity).items()}
    for number, accuracy in enumerate(expected.accuracies):
        fields |= {f"accuracy {number} {key}": value for key, value in _accuracy(accuracy).items()}
    arrays = {key: np.asarray(value) for key, value in fields.items()}
    np.savez(content, allow_pickle=False, **arrays)
    return content.getvalue()


def load_reference(file: Path) -> Reference:
    """Load the file of a reference that `pack_reference` packed."""
    records: dict[tuple[str, int], dict[str, Array]] = {}
    with np.load(file, allow_pickle=False) as arrays:
        for key in arrays:
            kind, number, name = key.split(" ", 2)
            records.setdefault((kind, int(number)), {})[name] = arrays[key]
    return Reference(
        tuple(
            Quantity(
                name=str(record["name"]),
                start=record["start"],
                end=record["end"],
                known={
                    dtype: record[f"known {dtype}"].astype(bool)
                    for dtype in DTYPES
                    if f"known {dtype}" in record
                },
                spread={
                    dtype: float(record[f"spread {dtype}"])
                    for dtype in DTYPES
                    if f"spread {dtype}" in record
                },
                movement=float(record["movement"]),
                models=int(record["models"]),
                outliers=int(record["outliers"]),
            )
            for (kind, _), record in sorted(records.items())
            if kind == "quantity"
        ),
        tuple(
            Accuracy(
                name=str(record["name"]),
                share=float(record["share"]),
                undecided={dtype: float(record[f"undecided {dtype}"]) for dtype in DTYPES},
            )
            for (kind, _), record in sorted(records.items())
            if kind == "accuracy"
        ),
    )


def _quantity(quantity: Quantity) -> dict[str, object]:
    return {
        "name": quantity.name,
        "start": quantity.start,
        "end": quantity.end,
        "movement": quantity.movement,
        "models": quantity.models,
        "outliers": quantity.outliers,
        **{f"known {dtype}": mask for dtype, mask in quantity.known.items()},
        **{f"spread {dtype}": spread for dtype, spread in quantity.spread.items()},
    }


def _accuracy(accuracy: Accuracy) -> dict[str, object]:
    return {
        "name": accuracy.name,
        "share": accuracy.share,
        **{f"undecided {dtype}": share for dtype, share in accuracy.undecided.items()},
    }
