"""Where a training stands, and what the model there answers: computed once, in float64."""

from __future__ import annotations

from dataclasses import dataclass

from perceptron.backends.protocol import Evaluation
from perceptron.backends.shared.evaluation import in_parts, score
from perceptron.backends.shared.predict import predict
from perceptron.problems.datasets import Array
from perceptron.problems.problem import Problem


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
