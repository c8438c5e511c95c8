"""Check that a backend computes the right thing before it is timed.

From the same start and with the same batches, ten iterations must leave losses, accuracies and
every parameter where float64 NumPy leaves them. Differences are counted in units of how far a
quantity *moved*: as shares of the values, they would pass any backend where nothing moves.

A backend is judged in float64, to a millionth: right ones are off by 1e-12 at most on all sizes of
all families, so what differs is the algorithm. Then it is judged in the dtype that is timed, for
products and sums of fewer bits. Half of the values of each array must be near there: a few may lie
anywhere, because rounding turns the sign of a gradient, of which Adam makes a whole step, or
switches a ReLU. On 124 sizes of families and shapes float32 leaves that half within 2e-5 (once
1e-4) and the rounding of the values. TF32 leaves it beyond what is allowed on two thirds of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite, sqrt

import numpy as np

from perceptron.backends.numpy_backend import BACKEND as NUMPY
from perceptron.backends.protocol import Backend, Evaluation, Score, Trainer, Unsupported
from perceptron.backends.shared.evaluation import in_parts, predict, score
from perceptron.problems.datasets import Array
from perceptron.problems.problem import DType, Problem, parameter_names
from perceptron.problems.start import GivenStart

ITERATIONS = 10
TOLERANCE: dict[DType, float] = {"float64": 1e-6, "float32": 1e-4}
"""Share of its movement by which a quantity may differ."""

# What reset() forgets to reset shows only after a step.
_FIRST_ITERATION = 1
# Where rounding may be a larger share of a movement, a mistake could hide behind it.
_MOST_ROUNDING = 0.05
# Rounding explains a difference up to this many times NumPy's difference from a rounded start.
_AS_FAR = 4.0
# Rows whose two best classes are nearer, as a share of the largest output, may be in either.
_NEAR = 1e-4
# Of more models, this number are trained alone.
MOST_ALONE = 12

_LOSS, _ACCURACY, _TEST = "the loss", "the accuracy", " on the test set"


def start_of(problem: Problem) -> list[Array]:
    """Return the start parameters, as `Trainer.parameters` returns them."""
    return problem.stacked_start() if problem.models > 1 else problem.start_parameters()


class Refused(Exception):
    """Agreement cannot be shown on this problem; the message says why, in one line."""


@dataclass(frozen=True)
class Quantity:
    """A loss, an accuracy or an array of parameters: where the reference starts and ends."""

    start: Array
    end: Array
    moved: Array
    """The unit of differences, (models,), or (1,) for a loss or an accuracy."""
    undecided: float | None = None
    """For an accuracy, the share of the rows whose class rounding may change."""

    def rounding(self, dtype: DType, rows: int) -> float:
        """Return the share of the movement that rounding to ``dtype`` may cause.

        Each iteration rounds a value to within half a unit in the last place, and independent
        errors add up as the square root of their number (Higham, Accuracy and Stability of
        Numerical Algorithms, 2002, §2.8), as do those of a sum over rows; twice that is allowed.
        """
        values = np.maximum(self.norms(self.start), self.norms(self.end)) / self.moved
        return float(np.finfo(dtype).eps) * (
            sqrt(ITERATIONS) * float(values.max()) + 4.0 * sqrt(rows)
        )

    def norms(self, values: Array) -> Array:
        """Return the norm of each model's values, (models,)."""
        norms: Array = np.linalg.norm(values.reshape(len(self.moved), -1), axis=1)
        return norms


Reference = Mapping[str, Quantity]


@dataclass(frozen=True)
class Difference:
    """A quantity's difference from the reference, in units of its movement."""

    quantity: str
    difference: float
    allowed: float
    dtype: DType
    unit: str = "of its movement"
    hint: str = ""

    @property
    def agrees(self) -> bool:
        return self.difference <= self.allowed  # False for NaN

    def __str__(self) -> str:
        verdict = "agrees" if self.agrees else "disagrees"
        return (
            f"{verdict} with float64 NumPy after {ITERATIONS} iterations in {self.dtype}: "
            f"{self.quantity} off by {self.difference:.1e} {self.unit} "
            f"(allowed {self.allowed:.1e}){self.hint}"
        )

    @property
    def severity(self) -> float:
        ratio = self.difference / self.allowed
        return ratio if isfinite(ratio) else float("inf")


def reference(problem: Problem) -> Reference:
    """Return the quantities of ten iterations of float64 NumPy.

    Raises `Refused` if a loss or a parameter does not move by more than rounding, or does not stay
    finite; and if NumPy's models trained together differ from those trained alone.
    """
    trainer = NUMPY.prepare(problem, "float64")
    start, nearest = _of_numpy(problem, trainer.parameters())
    trainer.train(ITERATIONS)
    end, also_near = _of_numpy(problem, trainer.parameters())
    quantities = {
        name: Quantity(
            start[name],
            end[name],
            _moved(problem, end[name] - start[name], end[_LOSS] - start[_LOSS]),
            max(nearest[name], also_near[name]) if name in nearest else None,
        )
        for name in end
    }
    for name, quantity in quantities.items():
        if not (np.abs(quantity.end) <= np.finfo(np.float32).max).all():
            raise Refused(f"{name} is not finite after {ITERATIONS} iterations: lower the rate")
    _refuse_unless_moved(problem, "float64", quantities)
    if problem.models > 1:
        _refuse_unless_as_alone(problem, quantities)
    return quantities


def check(backend: Backend, problem: Problem, dtype: DType, expected: Reference) -> Difference:
    """Train in float64 and, if that agrees, in ``dtype``; return the worst difference.

    A backend without float64 is judged in ``dtype`` alone. Raises `Refused` if rounding decides the
    result, and `Unsupported` as `Backend.prepare` does.
    """
    exact = None
    try:
        exact = compare(problem, backend.prepare(problem, "float64"), "float64", expected)
    except Unsupported:
        if dtype == "float64":
            raise
        _refuse_unless_moved(problem, dtype, expected)
    if exact and not exact.agrees and _rounding_leads_as_far(problem, "float64", expected, exact):
        raise Refused(f"{exact.quantity}: rounding decides where it ends, even in float64")
    if exact and (dtype == "float64" or not exact.agrees):
        return exact
    in_dtype = compare(problem, backend.prepare(problem, dtype), dtype, expected)
    if in_dtype.agrees:
        return in_dtype
    if not _rounding_leads_as_far(problem, dtype, expected, in_dtype):
        hint = f"; float64 agrees: find what has fewer bits than {dtype}, as TF32 has"
        return replace(in_dtype, hint=hint) if exact else in_dtype
    if exact is None:
        raise Refused(f"{in_dtype.quantity}: rounding to {dtype} decides where it ends")
    return exact


def _rounding_leads_as_far(
    problem: Problem, dtype: DType, expected: Reference, off: Difference
) -> bool:
    """Return whether NumPy, from a start with rounding errors, ends nearly as far off.

    It does where gradients cancel exactly: Adam, which divides by their size, takes a full step
    along the rounding error that is left. It also does at a rate that is too high.
    """
    random, eps = np.random.default_rng(1), float(np.finfo(dtype).eps)
    start = [array * (1.0 + random.uniform(-eps, eps, array.shape)) for array in start_of(problem)]
    shaken = NUMPY.prepare(replace(problem, start=GivenStart(tuple(start))), "float64")
    return off.severity <= _AS_FAR * compare(problem, shaken, dtype, expected).severity


def compare(problem: Problem, trainer: Trainer, dtype: DType, expected: Reference) -> Difference:
    """Train ten iterations from the start and return the worst difference.

    Does not reset ``trainer`` afterwards.
    """
    trainer.reset()
    trainer.train(_FIRST_ITERATION)
    trainer.reset()
    trainer.train(ITERATIONS)
    values = standing(problem, trainer.parameters(), trainer.evaluate(), trainer.loss())
    for name, quantity in expected.items():
        shape = values.get(name, np.array(np.nan)).shape
        if shape != quantity.end.shape:
            raise ValueError(
                f"parameters() gives {name} the shape {shape}, not {quantity.end.shape}"
            )
    of_parameters: Mapping[str, Array] = {}
    near: Mapping[str, float] = {}
    if dtype != "float64":  # rounding carries a few values anywhere, and an accuracy with them
        arrays = [values[name] for name in parameter_names(problem)]
        of_parameters, near = _of_numpy(problem, arrays)
    differences = []
    for name, quantity in expected.items():
        end = values.get(name, np.array(np.nan))
        off = np.abs(end - quantity.end).reshape(len(quantity.moved), -1)
        allowed = TOLERANCE[dtype] + quantity.rounding(dtype, problem.step_rows)
        if quantity.undecided is not None:
            share = float(np.abs(end - of_parameters.get(name, quantity.end)))
            allowed = near.get(name, quantity.undecided) + 1e-6  # rounded as a mean
            differences.append(Difference(name, share, allowed, dtype, "of the rows"))
        elif dtype == "float64":
            of_models = quantity.norms(off) / quantity.moved
            worst = int(np.argmax(of_models))  # NaN is the largest
            of_which = f"{name} of model {worst}" if len(of_models) > 1 else name
            differences.append(Difference(of_which, float(of_models[worst]), allowed, dtype))
        else:
            off *= sqrt(off.shape[1]) / quantity.moved[:, np.newaxis]
            differences.append(Difference(name, float(np.median(off)), allowed, dtype))
            if not quantity.end.ndim:
                apart = float(np.abs(end - of_parameters.get(name, end)) / quantity.moved[0])
                of_own = f"{name} of what parameters() gives"
                differences.append(Difference(of_own, apart, allowed, dtype))
    return max(differences, key=lambda difference: difference.severity)


def standing(
    problem: Problem, parameters: Sequence[Array], evaluation: Evaluation, loss: float | None = None
) -> dict[str, Array]:
    """Return losses, accuracies and parameters by name; ``loss`` is that of `Trainer.loss`.

    Raises `ValueError` if the number of parameter arrays is not the problem's.
    """
    names = parameter_names(problem)
    if len(parameters) != len(names):
        raise ValueError(f"parameters() gives {len(parameters)} arrays, not {len(names)}")
    values = {_LOSS: np.array(evaluation.train.loss if loss is None else loss)}
    for part, scores in ("", evaluation.train), (_TEST, evaluation.test):
        if scores is not None:
            values[f"{_LOSS}{part or ' of evaluate()'}"] = np.array(scores.loss)
            if scores.accuracy is not None:
                values[f"{_ACCURACY}{part}"] = np.array(scores.accuracy)
    arrays = (np.asarray(array, np.float64) for array in parameters)
    return values | dict(zip(names, arrays, strict=True))


def _of_numpy(
    problem: Problem, parameters: list[Array]
) -> tuple[dict[str, Array], dict[str, float]]:
    """Return the `standing` of these parameters, and `Quantity.undecided` of each accuracy."""
    train, test = problem.parts()
    scores: dict[str, Score] = {}
    undecided = {}
    for name, part in (_ACCURACY, train), (f"{_ACCURACY}{_TEST}", test):
        if part is not None:
            outputs = in_parts(
                problem, part.inputs, lambda rows: predict(problem, parameters, rows)
            )
            scores[name] = score(problem, outputs, part.targets)
            if scores[name].accuracy is not None:
                undecided[name] = _share_near_to_two(outputs)
    evaluation = Evaluation(scores[_ACCURACY], scores.get(f"{_ACCURACY}{_TEST}"))
    return standing(problem, parameters, evaluation), undecided


def _share_near_to_two(outputs: Array) -> float:
    """Return the share of rows whose two best classes tie; a single output f has f and 1 − f."""
    if outputs.shape[-1] == 1:
        outputs = np.concatenate([outputs, 1.0 - outputs], axis=-1)
    ordered = np.partition(outputs, -2, axis=-1)
    gap = ordered[..., -1] - ordered[..., -2]
    return float((gap <= _NEAR * np.abs(outputs).max()).mean())


def _moved(problem: Problem, movement: Array, of_loss: Array) -> Array:
    """Return the unit of a quantity's differences, `Quantity.moved`.

    A model that hardly moves is judged by the root mean square over models. A test set's loss need
    not move, and is judged by the movement of the training loss.
    """
    if not movement.ndim:
        return np.abs(of_loss).reshape(1)
    norms = np.linalg.norm(movement.reshape(problem.models, -1), axis=1)
    moved: Array = np.maximum(norms, sqrt(float((norms**2).mean())))
    return moved


def _refuse_unless_moved(problem: Problem, dtype: DType, expected: Reference) -> None:
    for name, quantity in expected.items():
        if quantity.undecided is not None:
            continue
        if not quantity.moved.all():
            raise Refused(f"{name} does not move in {ITERATIONS} iterations")
        if quantity.rounding(dtype, problem.step_rows) > _MOST_ROUNDING:
            moved = float((quantity.moved / quantity.norms(quantity.end)).min())
            raise Refused(
                f"{name} moves by {moved:.0e} of its size in {ITERATIONS} iterations, too little "
                f"to tell a mistake from rounding to {dtype}"
            )


def _refuse_unless_as_alone(problem: Problem, together: Reference) -> None:
    """Raise `Refused` if NumPy trains a model differently together with others and alone."""
    for index in models_alone(problem.models):
        single = problem.single(index)
        trainer = NUMPY.prepare(single, "float64")
        trainer.train(ITERATIONS)
        for name, expected in zip(parameter_names(single), trainer.parameters(), strict=True):
            quantity = together[name]
            off = float(np.linalg.norm(quantity.end[index] - expected))
            if not off <= TOLERANCE["float64"] * quantity.moved[index]:
                raise Refused(f"{name}: NumPy's models together are not those alone")


def models_alone(models: int) -> list[int]:
    """Return the indices of models to train alone: all, or the first, the last and some between."""
    if models <= MOST_ALONE:
        return list(range(models))
    between = np.random.default_rng(models).choice(models - 2, MOST_ALONE - 2, replace=False) + 1
    return [0, *sorted(int(index) for index in between), models - 1]
