"""What is seen of a training: its losses, arrays of parameters and accuracies, each by its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from perceptron.backends.contract.doubt import Doubt
from perceptron.backends.contract.quantities import ITERATIONS, Quantity, Refused
from perceptron.backends.protocol import Evaluation
from perceptron.problems.datasets import Array
from perceptron.problems.problem import DType, Problem, parameter_names

_LOSS = "the loss"
_HELD_OUT = "the held-out part"


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
