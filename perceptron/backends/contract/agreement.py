"""Check that a backend computes the right thing before it is timed.

From the same start and with the same batches, ten iterations must leave the loss and every
parameter where the float64 NumPy reference leaves them. Differences are counted in units of how far
the quantity *moved*: see `quantities`. With several models each must agree with its training
alone: see `reference`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, sqrt

import numpy as np

from perceptron.backends.contract.quantities import (
    ITERATIONS,
    LARGEST_ALLOWANCE,
    TOLERANCE,
    Quantity,
    Reference,
    Refused,
)
from perceptron.backends.contract.reference import accuracies_of, of_one, of_several, values_of
from perceptron.backends.protocol import Trainer
from perceptron.problems.problem import DType, Problem

# What reset() does not take back shows only after some training.
_REHEARSAL = 3

# A wrong step spoils an array as a whole or a layer's, unit's or input's part of it. With more than
# half of the values known, those are the rule in it; our families leave 0.8 and more.
_LEAST_KNOWN = 0.5


@dataclass(frozen=True)
class Difference:
    """The worst quantity of a comparison, in units of its movement."""

    quantity: str
    difference: float
    allowed: float
    unit: str = "of its movement"

    @property
    def agrees(self) -> bool:
        return self.difference <= self.allowed  # False for NaN

    def __str__(self) -> str:
        verdict = "agrees" if self.agrees else "disagrees"
        return (
            f"{verdict} with float64 NumPy after {ITERATIONS} iterations: {self.quantity} off by "
            f"{self.difference:.1e} {self.unit} (allowed {self.allowed:.1e})"
        )


def reference(problem: Problem) -> Reference:
    """Train ten iterations in float64; raises `Refused` if the loss does not stay finite."""
    return (of_several if problem.models > 1 else of_one)(problem)


def compare(problem: Problem, trainer: Trainer, dtype: DType, expected: Reference) -> Difference:
    """Train ten iterations from the start and report the worst quantity.

    Leaves ``trainer`` where it then stands. Raises `Refused` where a quantity moves too little
    to tell rounding to ``dtype`` from a mistake, or where too little of it can be known.
    """
    loss = expected.quantities[0]
    # Away from where gradients tell anything: units that no row moves any more.
    runs_away = bool(loss.end.mean() > loss.start.mean())
    allowances = {
        quantity.name: _allowance(quantity, dtype, runs_away) for quantity in expected.quantities
    }
    trainer.reset()
    trainer.train(_REHEARSAL)
    trainer.reset()
    trainer.train(ITERATIONS)
    evaluation = trainer.evaluate()
    observed = values_of(problem, evaluation, trainer.parameters(), trainer.loss())
    differences = []
    for quantity in expected.quantities:
        end = observed[quantity.name]
        if end.shape != quantity.end.shape:
            raise ValueError(
                f"parameters() gives {quantity.name} the shape {end.shape}, "
                f"not {quantity.end.shape}"
            )
        off = quantity.norms(end - quantity.end, dtype) / quantity.moved(dtype)
        # NaN is sorted as the largest: as an outlier it is still told.
        most = float(np.sort(off)[-1 - quantity.outliers])
        differences.append(Difference(quantity.name, most, allowances[quantity.name]))
        if quantity.outliers:
            worst = int(np.argmax(off))
            name = f"{quantity.name} of model {worst}"
            differences.append(Difference(name, float(off[worst]), LARGEST_ALLOWANCE))
    shares = accuracies_of(evaluation)
    for accuracy in expected.accuracies:
        rows = abs(shares.get(accuracy.name, np.nan) - accuracy.share)
        allowed = accuracy.undecided[dtype] + 1e-12  # a mean may be rounded
        differences.append(Difference(accuracy.name, rows, allowed, "of the rows"))
    return max(differences, key=_severity)


def _allowance(quantity: Quantity, dtype: DType, runs_away: bool) -> float:
    """Return how much the quantity may differ: the tolerance, and what rounding its values can do.

    Each iteration rounds a value to within half a unit in the last place, and independent errors
    add up as the square root of their number (Higham, Accuracy and Stability of Numerical
    Algorithms, 2002, §2.8); twice that is allowed, as is twice the spread.
    """
    known = quantity.mask(dtype)
    if known.mean() < _LEAST_KNOWN:
        raise Refused(
            f"{quantity.name}: rounding to {dtype} decides the steps of {1 - known.mean():.0%} of "
            "the values, too many to tell a mistake by the others"
            + (": lower the rate" if runs_away else "")
        )
    moved = quantity.moved(dtype)
    values = np.maximum(quantity.norms(quantity.start, dtype), quantity.norms(quantity.end, dtype))
    if not moved.all():
        raise Refused(f"{quantity.name} does not move in {ITERATIONS} iterations")
    spreads = 2.0 * quantity.spread.get(dtype, 0.0) / moved
    if spreads.max() > LARGEST_ALLOWANCE:
        raise Refused(
            f"{quantity.name}: steps that rounding to {dtype} decides change it by "
            f"{spreads.max():,.0%} of its movement, too much to tell a mistake from: lower the rate"
        )
    roundings = 2.0 * sqrt(ITERATIONS) * float(np.finfo(dtype).eps) / 2.0 * values / moved
    worst = int(np.argmax(roundings + spreads))
    rounding = float(roundings[worst] + spreads[worst])
    if rounding > LARGEST_ALLOWANCE:
        raise Refused(
            f"{quantity.name} moves by {moved[worst] / values[worst]:.0e} of its size in "
            f"{ITERATIONS} iterations, too little to tell a mistake from rounding to {dtype}"
        )
    return TOLERANCE[dtype] + rounding


def _severity(difference: Difference) -> float:
    ratio = difference.difference / difference.allowed
    return ratio if isfinite(ratio) else float("inf")
