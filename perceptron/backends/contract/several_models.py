"""The reference of several models at once: what becomes of each where it is trained alone.

Of a few models each is trained alone. Of many that would take minutes: some are, NumPy's stack of
all models must leave these where they end alone, and then is the reference of every model. Which of
Adam's steps rounding decides is worked out for each model of the stack as for one alone: `doubt`.

Where such steps change which rows activate a unit, they carry its other steps with them. In float32
that showed in one of 234,000 units that we tried, so in one of thousands of models; nor does its
single training agree. A few models may therefore be further off than the others, but by less than a
mistake.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import ceil

import numpy as np

from perceptron.backends.contract import single_training
from perceptron.backends.contract.doubt import follow
from perceptron.backends.contract.observed import (
    accuracies_of,
    quantities_of,
    refuse_unless_finite,
    values_of,
)
from perceptron.backends.contract.quantities import (
    TOLERANCE,
    Accuracy,
    Quantity,
    Reference,
    Refused,
)
from perceptron.backends.numpy_backend import BACKEND
from perceptron.problems.problem import DTYPES, Problem

# Of more models so many are trained alone.
MOST_ALONE = 12
# Of so many models one may be carried further than the others by what rounding decides.
_MODELS_FOR_AN_OUTLIER = 100


def reference(problem: Problem) -> Reference:
    """Return the references of all models together; a loss or a share is their mean.

    Raises `Refused` if a loss or a parameter does not stay finite, or if NumPy's stack does not
    leave models where their single trainings do.
    """
    alone = models_alone(problem.models)
    singles = [single_training.reference(problem.single(index)) for index in alone]
    some = Reference(
        tuple(map(_together, zip(*(single.quantities for single in singles), strict=True))),
        tuple(map(_mean, zip(*(single.accuracies for single in singles), strict=True))),
    )
    return some if len(alone) == problem.models else _of_all(problem, alone, some)


def models_alone(models: int) -> list[int]:
    """Return which models are trained alone: all, or the first, the last and some between."""
    if models <= MOST_ALONE:
        return list(range(models))
    between = np.random.default_rng(models).choice(models - 2, MOST_ALONE - 2, replace=False) + 1
    return [0, *sorted(int(index) for index in between), models - 1]


def _of_all(problem: Problem, alone: Sequence[int], some: Reference) -> Reference:
    """Return the reference of all models, by NumPy's stack, which must agree with ``some``.

    These are the models trained ``alone``. What they do not share with the others is theirs: how
    far losses move, and the shares of rows whose class rounding may change.
    """
    trainer = BACKEND.prepare(problem, "float64")
    before = values_of(problem, trainer.evaluate(), trainer.parameters())
    doubts = follow(problem, BACKEND, trainer)
    evaluation = trainer.evaluate()
    after = values_of(problem, evaluation, trainer.parameters())
    refuse_unless_finite(after)
    twins = {
        dtype: values_of(problem, doubt.twin.evaluate(), doubt.twin.parameters())
        for dtype, doubt in doubts.items()
    }
    quantities = []
    outliers = ceil(problem.models / _MODELS_FOR_AN_OUTLIER)
    whole = quantities_of(problem, before, after, doubts, twins, outliers)
    for own, of_all in zip(some.quantities, whole, strict=True):
        if of_all.models == 1:
            quantities.append(_with_movement_of(own, of_all))
        else:
            _refuse_unless_same(own, of_all, alone)
            quantities.append(of_all)
    shares = accuracies_of(evaluation)
    accuracies = [
        Accuracy(
            own.name,
            shares[own.name],
            # Estimated from few models.
            {dtype: 2.0 * share for dtype, share in own.undecided.items()},
        )
        for own in some.accuracies
    ]
    return Reference(tuple(quantities), tuple(accuracies))


def _with_movement_of(own: Quantity, of_all: Quantity) -> Quantity:
    """Return a mean loss that is judged by how far losses move, which their mean need not."""
    spread = {
        dtype: max(own.spread.get(dtype, 0.0), of_all.spread.get(dtype, 0.0)) for dtype in DTYPES
    }
    return replace(of_all, movement=own.movement, spread=spread)


def _refuse_unless_same(own: Quantity, of_all: Quantity, alone: Sequence[int]) -> None:
    """Raise `Refused` where the stack leaves an array of models elsewhere than training alone."""
    off = own.norms(of_all.end[list(alone)] - own.end, "float64")
    allowed = TOLERANCE["float64"] * own.moved("float64") + 2.0 * own.spread.get("float64", 0.0)
    if not (off <= allowed).all():
        raise Refused(f"{own.name}: NumPy's models together are not those alone")


def _together(quantities: Sequence[Quantity]) -> Quantity:
    """Return one quantity of all models: their mean of a loss, else their arrays stacked."""
    first = quantities[0]
    join = np.stack if first.end.ndim else np.mean
    doubted = [dtype for dtype in DTYPES if any(dtype in own.known for own in quantities)]
    return Quantity(
        first.name,
        np.asarray(join([own.start for own in quantities])),
        np.asarray(join([own.end for own in quantities])),
        known={dtype: np.stack([own.mask(dtype) for own in quantities]) for dtype in doubted},
        spread={dtype: max(own.spread.get(dtype, 0.0) for own in quantities) for dtype in DTYPES},
        movement=float(np.mean([own.movement for own in quantities])),
        models=len(quantities) if first.end.ndim else 1,
    )


def _mean(accuracies: Sequence[Accuracy]) -> Accuracy:
    return Accuracy(
        accuracies[0].name,
        float(np.mean([own.share for own in accuracies])),
        {dtype: float(np.mean([own.undecided[dtype] for own in accuracies])) for dtype in DTYPES},
    )
