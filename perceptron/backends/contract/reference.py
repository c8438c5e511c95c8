"""What float64 NumPy makes of a problem in ten iterations, and what rounding leaves open of it.

Each of a few models is trained alone. With many that would take minutes: some are, NumPy's
stack of all models must leave these where they end alone, and then is the reference of every model.
Which of Adam's steps rounding decides is worked out for each model of the stack as for one alone:
`doubt`.

Where such steps change which rows activate a unit, they carry its other steps with them. In float32
that showed in one of 234,000 units that we tried, so in one of thousands of models; nor does its
single training agree. A few models may therefore be further off than the others, but by less than a
mistake.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil

import numpy as np

from perceptron.backends.contract.doubt import Doubt, follow
from perceptron.backends.contract.quantities import (
    ITERATIONS,
    TOLERANCE,
    Accuracy,
    Quantity,
    Reference,
    Refused,
)
from perceptron.backends.numpy_backend import BACKEND
from perceptron.backends.protocol import Evaluation
from perceptron.backends.shared.evaluation import in_parts, predict, score
from perceptron.problems.datasets import Array
from perceptron.problems.problem import DTYPES, DType, Problem, parameter_names

_LOSS = "the loss"
_HELD_OUT = "the test set"

# Of more models so many are trained alone.
MOST_ALONE = 12
# Of so many models one may be carried further than the others by what rounding decides.
_MODELS_FOR_AN_OUTLIER = 100


def of_one(problem: Problem) -> Reference:
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


@dataclass(frozen=True)
class Stand:
    """Parameters, and the outputs (rows, outputs) of both parts of the data, or of the only one.

    Those of several models have one axis more, in front.
    """

    parameters: list[Array]
    outputs: tuple[Array, ...]
    evaluation: Evaluation


def stand(problem: Problem, parameters: list[Array]) -> Stand:
    """Return where a training with these parameters stands."""
    train, held_out = problem.parts()
    parts = (train,) if held_out is None else (train, held_out)
    outputs = tuple(
        in_parts(problem, part.inputs, lambda inputs: predict(problem, parameters, inputs))
        for part in parts
    )
    scores = [
        score(problem, predictions, part.targets)
        for predictions, part in zip(outputs, parts, strict=True)
    ]
    return Stand(parameters, outputs, Evaluation(scores[0], scores[1] if held_out else None))


def undecided(
    problem: Problem, dtype: DType, first: Stand, last: Stand, twin: Stand
) -> tuple[float, float]:
    """Return the shares of rows, of both parts, whose class rounding to a dtype may change.

    ``first`` is the start, ``last`` and ``twin`` are where the reference and its twin end; all the
    same where the start is judged. Without a test set its share is 0.
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


def values_of(
    problem: Problem, evaluation: Evaluation, parameters: Sequence[Array], loss: float | None = None
) -> dict[str, Array]:
    """Return losses and parameters where a trainer stands; ``loss`` is what it says besides.

    Raises `ValueError` if there are not as many arrays of parameters as the problem has.
    """
    names = parameter_names(problem)
    if len(parameters) != len(names):
        raise ValueError(f"parameters() gives {len(parameters)} arrays, not {len(names)}")
    values = {
        _LOSS: np.array(evaluation.train.loss if loss is None else loss),
        f"{_LOSS} of evaluate()": np.array(evaluation.train.loss),
    }
    if evaluation.test is not None:
        values[f"{_LOSS} on {_HELD_OUT}"] = np.array(evaluation.test.loss)
    return values | dict(zip(names, (np.asarray(array) for array in parameters), strict=True))


def accuracies_of(evaluation: Evaluation) -> dict[str, float]:
    """Return the accuracies, without those that are none."""
    scores = {"the accuracy": evaluation.train, f"the accuracy on {_HELD_OUT}": evaluation.test}
    return {
        name: score.accuracy
        for name, score in scores.items()
        if score is not None and score.accuracy is not None
    }


def quantities_of(
    problem: Problem,
    before: Mapping[str, Array],
    after: Mapping[str, Array],
    doubts: Mapping[DType, Doubt],
    twins: Mapping[DType, Mapping[str, Array]],
    outliers: int = 0,
) -> tuple[Quantity, ...]:
    """Return what the reference moved from ``before`` to ``after``.

    ``twins`` are where the twins of ``doubts`` ended. Where there are any, so many ``outliers`` of
    several models may be carried further than the spread.
    """
    names = parameter_names(problem)
    loss_movement = float(abs(after[_LOSS] - before[_LOSS]))
    quantities = []
    for name, end in after.items():
        is_loss = name.startswith(_LOSS)
        quantity = Quantity(
            name,
            before[name],
            end,
            known={}
            if is_loss
            else {dtype: doubt.known[names.index(name)] for dtype, doubt in doubts.items()},
            # A held-out part need not be learned: its loss is judged by what training does.
            movement=loss_movement if is_loss else 0.0,
            models=1 if is_loss else problem.models,
            outliers=0 if is_loss or not twins else outliers,
        )
        spread = {
            dtype: float(np.sort(quantity.norms(twin[name] - end, dtype))[-1 - quantity.outliers])
            for dtype, twin in twins.items()
        }
        quantities.append(replace(quantity, spread=spread))
    return tuple(quantities)


def refuse_unless_finite(values: Mapping[str, Array]) -> None:
    """Raise `Refused`, naming the first value after training that is not finite."""
    for name, end in values.items():
        if not np.all(np.isfinite(end)):
            raise Refused(f"{name} is not finite after {ITERATIONS} iterations: lower the rate")


def of_several(problem: Problem) -> Reference:
    """Return the references of all models together; a loss or a share is their mean.

    Raises `Refused` if a loss or a parameter does not stay finite, or if NumPy's stack does not
    leave models where their single trainings do.
    """
    alone = models_alone(problem.models)
    singles = [of_one(problem.single(index)) for index in alone]
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
