"""Predictions, their loss and accuracy: the same arithmetic for every backend."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from perceptron.backends.protocol import Evaluation, Score
from perceptron.backends.shared.gradient import (
    numpy_matrices,
    numpy_stacks,
    outputs_of,
)
from perceptron.problems import cost
from perceptron.problems.datasets import Array, Part
from perceptron.problems.problem import Loss, Problem, classes_of


def evaluate(problem: Problem, predict: Callable[[Array], Array]) -> Evaluation:
    """Score the training part and the test set.

    ``predict`` returns the last layer's outputs, (rows, outputs), for inputs (rows, features) in
    float64, computed by the backend with its current parameters. For several models they are
    (models, rows, outputs), for shared inputs or (models, rows, features); their scores are means.
    """

    def score_of(part: Part) -> Score:
        return score(problem, in_parts(problem, part.inputs, predict), part.targets)

    train, test = problem.parts()
    return Evaluation(train=score_of(train), test=None if test is None else score_of(test))


class Scored:
    """The scores of a trainer; subclasses define `_predict`, or `evaluate` itself."""

    _problem: Problem

    def _predict(self, inputs: Array) -> Array:
        """Return the last layer's outputs, see ``predict`` of `evaluate`."""
        raise NotImplementedError

    def loss(self) -> float:
        return self.evaluate().train.loss

    def evaluate(self) -> Evaluation:
        # exp(-y) may overflow to inf for a saturated sigmoid; 1/(1 + inf) = 0 is the right answer.
        with np.errstate(over="ignore"):
            return evaluate(self._problem, self._predict)


def mean_of(evaluations: Sequence[Evaluation]) -> Evaluation:
    """Return the means of several models' scores."""
    tests = [evaluation.test for evaluation in evaluations if evaluation.test is not None]
    return Evaluation(
        train=_mean([evaluation.train for evaluation in evaluations]),
        test=_mean(tests) if tests else None,
    )


def _mean(scores: Sequence[Score]) -> Score:
    accuracies = [score.accuracy for score in scores if score.accuracy is not None]
    return Score(
        loss=float(np.mean([score.loss for score in scores])),
        accuracy=float(np.mean(accuracies)) if accuracies else None,
    )


def in_parts(problem: Problem, inputs: Array, predict: Callable[[Array], Array]) -> Array:
    """Return outputs of ``predict`` for all rows, float64, computed in parts that fit memory."""
    rows = cost.rows_at_once(problem)
    outputs = [
        np.asarray(predict(inputs[..., begin : begin + rows, :]), dtype=np.float64)
        for begin in range(0, inputs.shape[-2], rows)
    ]
    return outputs[0] if len(outputs) == 1 else np.concatenate(outputs, axis=-2)


def score(problem: Problem, predictions: Array, targets: Array) -> Score:
    """Score predictions (rows, outputs) of a part by its targets (rows, outputs).

    Both, or the predictions alone, may have an axis of models in front; scores are means over it.
    """
    return Score(
        loss=loss_of(problem.loss, predictions, targets),
        accuracy=_accuracy(predictions, targets),
    )


def loss_of(loss: Loss, predictions: Array, targets: Array) -> float:
    """Return the loss of predictions (rows, outputs), as `Problem` defines it, in float64.

    Of several models, (models, rows, outputs), return the mean of their losses.
    """
    if loss == "cross-entropy":
        shifted = predictions - predictions.max(axis=-1, keepdims=True)
        logarithms = np.log(np.exp(shifted).sum(axis=-1)) - (shifted * targets).sum(axis=-1)
        return float(logarithms.mean())
    if loss == "bce":
        likelihood = 1.0 - targets + (2.0 * targets - 1.0) * predictions
        with np.errstate(divide="ignore"):  # log(0) is clipped, as torch.nn.BCELoss does
            return float(-np.log(likelihood).clip(min=-100.0).mean())
    difference = predictions - targets
    if loss == "mse":
        return float((difference * difference).mean())
    error = np.abs(difference)
    if loss == "l1-mean":
        return float(error.mean())
    models = len(error) if error.ndim == 3 else 1
    return float(error.sum()) / models


def _accuracy(predictions: Array, targets: Array) -> float | None:
    if not np.isin(targets, (0.0, 1.0)).all():
        return None
    if targets.shape[-1] == 1:
        return float(((predictions > 0.5) == (targets > 0.5)).mean())
    if (targets.sum(axis=-1) != 1.0).any():
        return None
    return float((classes_of(predictions) == classes_of(targets)).mean())


def predict(problem: Problem, parameters: Iterable[Array], inputs: Array) -> Array:
    """Return the model's outputs (rows, outputs) in float64 for inputs (rows, features).

    ``parameters`` are in the order of `Problem.start_parameters`, of any widths. Those of several
    models are stacked, as are inputs that differ between models: outputs are then (models, rows,
    outputs).
    """
    arrays = [np.asarray(array, np.float64) for array in parameters]
    library = (numpy_stacks if problem.models > 1 else numpy_matrices)(np)
    with np.errstate(over="ignore"):
        outputs: Array = outputs_of(problem, library, arrays, np.asarray(inputs, np.float64))
    return outputs
