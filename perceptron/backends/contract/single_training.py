"""The reference of one model: ten iterations of NumPy in float64, and what rounding leaves open."""

from __future__ import annotations

from perceptron.backends.contract.doubt import follow
from perceptron.backends.contract.observed import (
    accuracies_of,
    quantities_of,
    refuse_unless_finite,
    values_of,
)
from perceptron.backends.contract.quantities import Accuracy, Reference
from perceptron.backends.contract.stand import Stand, stand, undecided
from perceptron.backends.numpy_backend import BACKEND
from perceptron.problems.datasets import Array
from perceptron.problems.problem import DTYPES, Problem


def reference(problem: Problem) -> Reference:
    """Train ten iterations; raises `Refused` if the loss or a parameter does not stay finite."""
    trainer = BACKEND.prepare(problem, "float64")
    first = stand(problem, trainer.parameters())
    doubts = follow(problem, BACKEND, trainer)
    last = stand(problem, trainer.parameters())
    before, after = _values(problem, first), _values(problem, last)
    refuse_unless_finite(after)
    twins = {dtype: stand(problem, doubt.twin.parameters()) for dtype, doubt in doubts.items()}
    open_shares = {
        dtype: undecided(problem, dtype, first, last, twins.get(dtype, last)) for dtype in DTYPES
    }
    return Reference(
        quantities_of(
            problem,
            before,
            after,
            doubts,
            {dtype: _values(problem, twin) for dtype, twin in twins.items()},
        ),
        tuple(
            Accuracy(name, share, {dtype: open_shares[dtype][part] for dtype in DTYPES})
            for part, (name, share) in enumerate(accuracies_of(last.evaluation).items())
        ),
    )


def _values(problem: Problem, stand: Stand) -> dict[str, Array]:
    return values_of(problem, stand.evaluation, stand.parameters)
