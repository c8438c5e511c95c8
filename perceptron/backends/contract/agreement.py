"""Check that a backend computes the right thing before it is timed.

From the same start, ten iterations must leave the loss and every parameter where the float64 NumPy
reference leaves them. Differences are counted in units of how far the quantity *moved*: a relative
difference of the values themselves would pass any backend on a problem that stands still.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from math import isfinite, sqrt
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt

from perceptron.backends.numpy_backend import BACKEND as REFERENCE_BACKEND
from perceptron.backends.protocol import Trainer
from perceptron.problems.datasets import Array
from perceptron.problems.problem import DType, Problem, parameter_names

ITERATIONS = 10

# Share of its movement by which a quantity may differ. float32 leaves 1e-7 to 1e-5 on our families;
# TF32 products (10 bits of mantissa) leave 1e-3.
TOLERANCE: dict[DType, float] = {"float32": 5e-4, "float64": 1e-9}

# A problem is refused where rounding alone could reach this share of a movement: beyond it a wrong
# step could hide behind rounding.
_LARGEST_ALLOWANCE = 0.05


class Refused(Exception):
    """Agreement cannot be shown on this problem; the message says why, in one line."""


@dataclass(frozen=True)
class Quantity:
    """The loss or one array of parameters: where it started and where the reference left it."""

    name: str
    start: Array
    end: Array


@dataclass(frozen=True)
class Reference:
    """What ten iterations of float64 NumPy make of a problem."""

    quantities: tuple[Quantity, ...]


@dataclass(frozen=True)
class Difference:
    """The worst quantity of a comparison, in units of its movement."""

    quantity: str
    difference: float
    allowed: float

    @property
    def agrees(self) -> bool:
        return self.difference <= self.allowed  # False for NaN

    def __str__(self) -> str:
        verdict = "agrees" if self.agrees else "disagrees"
        return (
            f"{verdict} with float64 NumPy after {ITERATIONS} iterations: {self.quantity} off by "
            f"{self.difference:.1e} of its movement (allowed {self.allowed:.1e})"
        )


def reference(problem: Problem) -> Reference:
    """Train ten iterations in float64; raises `Refused` if the loss does not stay finite."""
    trainer = REFERENCE_BACKEND.prepare(problem, "float64")
    before = _observe(problem, trainer)
    trainer.train(ITERATIONS)
    after = _observe(problem, trainer)
    for name, end in after.items():
        if not np.all(np.isfinite(end)):
            raise Refused(f"{name} is not finite after {ITERATIONS} iterations: lower the rate")
    return Reference(tuple(Quantity(name, before[name], after[name]) for name in before))


def pack_reference(expected: Reference) -> bytes:
    """Return a reference as the content of a file, for another process to load."""
    arrays: dict[str, Array] = {}
    for number, quantity in enumerate(expected.quantities):
        arrays |= {f"{number} start {quantity.name}": quantity.start}
        arrays |= {f"{number} end {quantity.name}": quantity.end}
    content = BytesIO()
    np.savez(content, allow_pickle=False, **arrays)
    return content.getvalue()


def load_reference(file: Path) -> Reference:
    """Load the file of a reference that `pack_reference` packed."""
    with np.load(file, allow_pickle=False) as arrays:
        starts = [key for key in arrays if key.split(" ")[1] == "start"]
        return Reference(
            tuple(
                Quantity(key.split(" ", 2)[2], arrays[key], arrays[key.replace("start", "end", 1)])
                for key in sorted(starts, key=lambda key: int(key.split(" ")[0]))
            )
        )


def compare(problem: Problem, trainer: Trainer, dtype: DType, expected: Reference) -> Difference:
    """Train ten iterations from the start and report the worst quantity.

    Leaves ``trainer`` where it then stands. Raises `Refused` where a quantity moves too little
    to tell rounding to ``dtype`` from a mistake.
    """
    allowances = {quantity.name: _allowance(quantity, dtype) for quantity in expected.quantities}
    trainer.reset()
    trainer.train(ITERATIONS)
    observed = _observe(problem, trainer)
    differences = []
    for quantity in expected.quantities:
        end = observed[quantity.name]
        if end.shape != quantity.end.shape:
            raise ValueError(
                f"parameters() gives {quantity.name} the shape {end.shape}, "
                f"not {quantity.end.shape}"
            )
        size = _norm(end - quantity.end) / _norm(quantity.end - quantity.start)
        differences.append(Difference(quantity.name, size, allowances[quantity.name]))
    return max(differences, key=_severity)


def _observe(problem: Problem, trainer: Trainer) -> dict[str, Array]:
    names = parameter_names(problem)
    arrays = trainer.parameters()
    if len(arrays) != len(names):
        raise ValueError(f"parameters() gives {len(arrays)} arrays, not {len(names)}")
    values = {"the loss": np.array(trainer.loss())}
    return values | dict(zip(names, (np.asarray(array) for array in arrays), strict=True))


def _allowance(quantity: Quantity, dtype: DType) -> float:
    """Return how much the quantity may differ: the tolerance, and what rounding its values can do.

    Each iteration rounds a value to within half a unit in the last place, and independent errors
    add up as the square root of their number (Higham, Accuracy and Stability of Numerical
    Algorithms, 2002, §2.8); twice that is allowed.
    """
    moved = _norm(quantity.end - quantity.start)
    values = max(_norm(quantity.start), _norm(quantity.end))
    if moved == 0.0:
        raise Refused(f"{quantity.name} does not move in {ITERATIONS} iterations")
    rounding = 2.0 * sqrt(ITERATIONS) * float(np.finfo(dtype).eps) / 2.0 * values / moved
    if rounding > _LARGEST_ALLOWANCE:
        raise Refused(
            f"{quantity.name} moves by {moved / values:.0e} of its size in {ITERATIONS} "
            f"iterations, too little to tell a mistake from rounding to {dtype}"
        )
    return TOLERANCE[dtype] + rounding


def _norm(values: Array) -> float:
    # In float64: squares of small float32 movements would underflow.
    return float(np.linalg.norm(cast(npt.NDArray[np.float64], np.asarray(values, np.float64))))


def _severity(difference: Difference) -> float:
    ratio = difference.difference / difference.allowed
    return ratio if isfinite(ratio) else float("inf")
