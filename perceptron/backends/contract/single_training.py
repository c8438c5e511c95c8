"""The reference of one model: ten iterations of NumPy in float64, and what rounding leaves open."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from perceptron.backends.contract.doubt import follow
from perceptron.backends.contract.observed import (
    accuracies_of,
    quantities_of,
    refuse_unless_finite,
    values_of,
)
from perceptron.backends.contract.quantities import TOLERANCE, Accuracy, Reference
from perceptron.backends.numpy_backend import BACKEND
from perceptron.backends.protocol import Evaluation
from perceptron.backends.shared.evaluation import in_parts, predict, score
from perceptron.problems.datasets import Array
from perceptron.problems.problem import DTYPES, DType, Problem


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
