"""Check that a backend computes the right thing before it is timed.

From the same start and with the same batches, ten iterations must leave the loss and every
parameter where the float64 NumPy reference leaves them. Differences are counted in units of how far
the quantity *moved*: a relative difference of the values themselves would pass any backend on a
problem that stands still. Of several models at once each must agree with its training alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite, sqrt

import numpy as np

from perceptron.backends.contract.doubt import Doubt, Mask, follow
from perceptron.backends.contract.stand import Stand, stand
from perceptron.backends.numpy_backend import BACKEND as REFERENCE_BACKEND
from perceptron.backends.protocol import Evaluation, Trainer
from perceptron.problems.datasets import Array
from perceptron.problems.optimizer import Adam
from perceptron.problems.problem import DTYPES, DType, Problem, parameter_names

ITERATIONS = 10
# What reset() does not take back shows only after some training.
_REHEARSAL = 3

# Share of its movement by which a quantity may differ. float32 leaves 1e-7 to 1e-5 on our families;
# TF32 products (10 bits of mantissa) leave 1e-3.
TOLERANCE: dict[DType, float] = {"float32": 5e-4, "float64": 1e-9}

# A problem is refused where rounding alone could reach this share of a movement: beyond it a wrong
# step could hide behind rounding.
_LARGEST_ALLOWANCE = 0.05
# Of many models so many are trained alone for the reference.
MOST_ALONE = 12

# A wrong step spoils an array as a whole or a layer's, unit's or input's part of it. With more than
# half of the values known, those are the rule in it; our families leave 0.8 and more.
_LEAST_KNOWN = 0.5

_LOSS = "the loss"
_HELD_OUT = "the held-out part"


class Refused(Exception):
    """Agreement cannot be shown on this problem; the message says why, in one line."""


@dataclass(frozen=True)
class Quantity:
    """A loss or one array of parameters: where it started and where the reference left it.

    ``known`` has the values that can be compared in a dtype, all where it has none, and ``spread``
    how far these may lie apart because of the others. ``movement`` is what differences are counted
    in, where it is larger than the quantity's own. Arrays of several ``models`` hold one after the
    other; each is judged by itself, by its movement or the models' root mean square, the larger.
    """

    name: str
    start: Array
    end: Array
    known: Mapping[DType, Mask] = field(default_factory=dict)
    spread: Mapping[DType, float] = field(default_factory=dict)
    movement: float = 0.0
    models: int = 1
    chosen: tuple[int, ...] = ()
    """Of more models the ones that these are; empty: all."""

    def mask(self, dtype: DType) -> Mask:
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
    """Train ten iterations in float64; raises `Refused` if the loss does not stay finite.

    Several models are trained one after the other, each alone.
    """
    if problem.models > 1:
        return _of_each_model(problem)
    trainer = REFERENCE_BACKEND.prepare(problem, "float64")
    first = stand(problem, trainer.parameters())
    doubts: dict[DType, Doubt] = {}
    if isinstance(problem.optimizer, Adam):
        doubts = follow(
            problem, problem.optimizer, REFERENCE_BACKEND, trainer, ITERATIONS, TOLERANCE
        )
    else:
        trainer.train(ITERATIONS)
    last = stand(problem, trainer.parameters())
    before, after = _quantities_at(problem, first), _quantities_at(problem, last)
    for name, end in after.items():
        if not np.all(np.isfinite(end)):
            raise Refused(f"{name} is not finite after {ITERATIONS} iterations: lower the rate")
    twins = {dtype: stand(problem, doubt.twin.parameters()) for dtype, doubt in doubts.items()}
    return Reference(
        _quantities(problem, before, after, doubts, twins),
        tuple(
            Accuracy(
                name,
                share,
                {
                    dtype: undecided(problem, dtype, first, last, twins.get(dtype, last))[index]
                    for dtype in DTYPES
                },
            )
            for index, (name, share) in enumerate(_shares(last.evaluation).items())
        ),
    )


def compare(problem: Problem, trainer: Trainer, dtype: DType, expected: Reference) -> Difference:
    """Train ten iterations from the start and report the worst quantity.

    Leaves ``trainer`` where it then stands. Raises `Refused` where a quantity moves too little
    to tell rounding to ``dtype`` from a mistake, or where too little of it can be known.
    """
    allowances = {quantity.name: _allowance(quantity, dtype) for quantity in expected.quantities}
    trainer.reset()
    trainer.train(_REHEARSAL)
    trainer.reset()
    trainer.train(ITERATIONS)
    evaluation = trainer.evaluate()
    observed = _observe(problem, trainer, evaluation)
    differences = []
    for quantity in expected.quantities:
        end = observed[quantity.name]
        if quantity.chosen and len(end) == problem.models:
            end = end[list(quantity.chosen)]
        if end.shape != quantity.end.shape:
            raise ValueError(
                f"parameters() gives {quantity.name} the shape {end.shape}, "
                f"not {quantity.end.shape}"
            )
        off = (quantity.norms(end - quantity.end, dtype) / quantity.moved(dtype)).max()
        differences.append(Difference(quantity.name, float(off), allowances[quantity.name]))
    shares = _shares(evaluation)
    for accuracy in expected.accuracies:
        off = abs(shares.get(accuracy.name, np.nan) - accuracy.share)
        allowed = accuracy.undecided[dtype] + 1e-12  # a mean may be rounded
        differences.append(Difference(accuracy.name, off, allowed, "of the rows"))
    return max(differences, key=_severity)


def _of_each_model(problem: Problem) -> Reference:
    """Return the references of all models together; a loss or a share is their mean.

    Of many models some are trained alone. What NumPy makes of all at once must agree with those,
    and then says what becomes of the rest.
    """
    chosen = _chosen(problem.models)
    singles = [reference(problem.single(index)) for index in chosen]
    together = [
        _together(same) for same in zip(*(single.quantities for single in singles), strict=True)
    ]
    accuracies = [
        Accuracy(
            same[0].name,
            float(np.mean([own.share for own in same])),
            {dtype: float(np.mean([own.undecided[dtype] for own in same])) for dtype in DTYPES},
        )
        for same in zip(*(single.accuracies for single in singles), strict=True)
    ]
    if len(chosen) == problem.models:
        return Reference(tuple(together), tuple(accuracies))
    quantities, shares = _of_all(problem, chosen, together)
    return Reference(
        tuple(quantities),
        # What is undecided is estimated from few models.
        tuple(
            replace(
                own,
                share=shares[own.name],
                undecided={dtype: 2.0 * share for dtype, share in own.undecided.items()},
            )
            for own in accuracies
        ),
    )


def _chosen(models: int) -> list[int]:
    """Return which models are trained alone: all, or the first, the last and some between."""
    if models <= MOST_ALONE:
        return list(range(models))
    between = np.random.default_rng(models).choice(models - 2, MOST_ALONE - 2, replace=False) + 1
    return [0, *sorted(int(index) for index in between), models - 1]


def _of_all(
    problem: Problem, chosen: Sequence[int], quantities: Sequence[Quantity]
) -> tuple[list[Quantity], dict[str, float]]:
    """Return quantities and accuracies of all models, from quantities of the ``chosen`` ones.

    Rounding decides some of Adam's steps, and which of them only a training alone shows: there the
    chosen models are compared, and the mean loss of all.
    """
    trainer = REFERENCE_BACKEND.prepare(problem, "float64")
    before = _observe(problem, trainer, trainer.evaluate())
    trainer.train(ITERATIONS)
    evaluation = trainer.evaluate()
    after = _observe(problem, trainer, evaluation)
    whole = []
    for own in quantities:
        start, end = before[own.name], after[own.name]
        if own.end.ndim:
            off = own.norms(end[list(chosen)] - own.end, "float64") / own.moved("float64")
            if not (off <= TOLERANCE["float64"]).all():
                raise Refused(f"{own.name}: NumPy's models together are not those alone")
            if own.known:
                whole.append(replace(own, chosen=tuple(chosen)))
                continue
        whole.append(replace(own, start=start, end=end, models=len(end) if end.ndim else 1))
    return whole, _shares(evaluation)


def _together(quantities: Sequence[Quantity]) -> Quantity:
    """Return one quantity of all models: their mean of a loss, else their arrays stacked."""
    first = quantities[0]
    join = np.stack if first.end.ndim else np.mean
    doubted = [dtype for dtype in DTYPES if any(dtype in own.known for own in quantities)]
    start, end = ([getattr(own, key) for own in quantities] for key in ("start", "end"))
    return Quantity(
        first.name,
        np.asarray(join(start)),
        np.asarray(join(end)),
        known={
            dtype: np.stack([own.mask(dtype) for own in quantities])
            for dtype in doubted
            if first.end.ndim
        },
        spread={dtype: max(own.spread.get(dtype, 0.0) for own in quantities) for dtype in doubted},
        movement=float(np.mean([own.movement for own in quantities])),
        models=len(quantities) if first.end.ndim else 1,
    )


def _observe(problem: Problem, trainer: Trainer, evaluation: Evaluation) -> dict[str, Array]:
    return _named(problem, trainer.loss(), evaluation, trainer.parameters())


def _quantities_at(problem: Problem, stand: Stand) -> dict[str, Array]:
    evaluation = stand.evaluation
    return _named(problem, evaluation.train.loss, evaluation, stand.parameters)


def _named(
    problem: Problem, loss: float, evaluation: Evaluation, arrays: Sequence[Array]
) -> dict[str, Array]:
    names = parameter_names(problem)
    if len(arrays) != len(names):
        raise ValueError(f"parameters() gives {len(arrays)} arrays, not {len(names)}")
    values = {
        _LOSS: np.array(loss),
        f"{_LOSS} of evaluate()": np.array(evaluation.train.loss),
    }
    if evaluation.test is not None:
        values[f"{_LOSS} on {_HELD_OUT}"] = np.array(evaluation.test.loss)
    return values | dict(zip(names, (np.asarray(array) for array in arrays), strict=True))


def _shares(evaluation: Evaluation) -> dict[str, float]:
    """Return the accuracies by their names, without those that are none."""
    scores = {"the accuracy": evaluation.train, f"the accuracy on {_HELD_OUT}": evaluation.test}
    return {
        name: score.accuracy
        for name, score in scores.items()
        if score is not None and score.accuracy is not None
    }


def _quantities(
    problem: Problem,
    before: dict[str, Array],
    after: dict[str, Array],
    doubts: dict[DType, Doubt],
    twins: dict[DType, Stand],
) -> tuple[Quantity, ...]:
    others = {dtype: _quantities_at(problem, twin) for dtype, twin in twins.items()}
    loss_movement = _norm(after[_LOSS] - before[_LOSS])
    quantities = []
    for name, end in after.items():
        known, spread = {}, {}
        for dtype, doubt in doubts.items():
            masks = dict(zip(parameter_names(problem), doubt.known, strict=True))
            known[dtype] = masks.get(name, np.ones(end.shape, bool))
            spread[dtype] = _norm((others[dtype][name] - end)[known[dtype]])
        # A held-out part need not be learned: its loss is judged by what training does.
        movement = loss_movement if name.startswith(_LOSS) else 0.0
        quantities.append(Quantity(name, before[name], end, known, spread, movement))
    return tuple(quantities)


def undecided(
    problem: Problem, dtype: DType, first: Stand, last: Stand, twin: Stand
) -> tuple[float, float]:
    """Return the shares of rows, of both parts, whose class rounding to a dtype may change.

    ``first`` is the start, ``last`` and ``twin`` are where the reference and its twin end; all the
    same where the start is judged. Without a held-out part its share is 0.
    """
    shares = [0.0, 0.0]
    outputs = zip(first.outputs, last.outputs, twin.outputs, strict=True)
    for index, (start, end, other) in enumerate(outputs):
        doubt = TOLERANCE[dtype] * np.abs(end - start) + 2.0 * np.abs(other - end)
        doubt += 8.0 * float(np.finfo(dtype).eps) * np.abs(end)
        if problem.outputs == 1:
            margin = np.abs(end[..., 0] - 0.5)
        else:
            ordered = np.sort(end, axis=-1)
            margin = (ordered[..., -1] - ordered[..., -2]) / 2.0
        shares[index] = float((margin <= doubt.max(axis=-1)).mean())
    return shares[0], shares[1]


def _allowance(quantity: Quantity, dtype: DType) -> float:
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
        )
    moved = quantity.moved(dtype)
    values = np.maximum(quantity.norms(quantity.start, dtype), quantity.norms(quantity.end, dtype))
    if not moved.all():
        raise Refused(f"{quantity.name} does not move in {ITERATIONS} iterations")
    roundings = 2.0 * sqrt(ITERATIONS) * float(np.finfo(dtype).eps) / 2.0 * values / moved
    roundings += 2.0 * quantity.spread.get(dtype, 0.0) / moved
    worst = int(np.argmax(roundings))
    rounding = float(roundings[worst])
    if rounding > _LARGEST_ALLOWANCE:
        raise Refused(
            f"{quantity.name} moves by {moved[worst] / values[worst]:.0e} of its size in "
            f"{ITERATIONS} iterations, too little to tell a mistake from rounding to {dtype}"
        )
    return TOLERANCE[dtype] + rounding


def _norm(values: Array) -> float:
    # In float64: squares of small float32 movements would underflow.
    return float(np.linalg.norm(np.asarray(values, np.float64).ravel()))


def _severity(difference: Difference) -> float:
    ratio = difference.difference / difference.allowed
    return ratio if isfinite(ratio) else float("inf")
