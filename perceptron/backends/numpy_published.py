"""The published walk-through's own arithmetic, so that its ratio can be reproduced.

It evaluates the sigmoid again for its derivative and allocates each temporary: an optimised NumPy
would make the frameworks look slower than the published comparison did. Like the original it
divides |f − t| by f − t, which is 0/0 for an exact hit.
"""

from __future__ import annotations

import numpy as np

from perceptron.backends.numpy_backend import NumpyBackend
from perceptron.backends.protocol import LadderStep, Unsupported
from perceptron.backends.shared.evaluation import Scored
from perceptron.problems.datasets import Array
from perceptron.problems.problem import DType, Problem


def _sigmoid(values: Array) -> Array:
    return np.asarray(1.0 / (1.0 + np.exp(-values)))


def _sigmoid_slope(values: Array) -> Array:
    outputs = _sigmoid(values)
    return outputs * (1.0 - outputs)


class PublishedTrainer(Scored):
    """One layer of sigmoids under the summed L1 loss."""

    def __init__(self, problem: Problem, dtype: DType) -> None:
        part = problem.training_part()
        self._problem = problem
        self._inputs, self._targets = part.inputs.astype(dtype), part.targets.astype(dtype)
        self._start = [array.astype(dtype) for array in problem.start_parameters()]
        self._rate = problem.rate
        self.reset()

    def train(self, iterations: int) -> None:
        inputs, targets, rate = self._inputs, self._targets, self._rate
        weights, bias = self._weights, self._bias
        for _ in range(iterations):
            values = np.dot(inputs, weights) + bias
            predictions = _sigmoid(values)
            error = np.abs(predictions - targets)
            loss_slope = error / (predictions - targets)
            slope = loss_slope * _sigmoid_slope(values)
            weights -= rate * np.dot(inputs.T, slope)
            bias -= rate * slope.sum()

    def reset(self) -> None:
        self._weights, self._bias = (array.copy() for array in self._start)

    def _predict(self, inputs: Array) -> Array:
        values = np.dot(inputs.astype(self._weights.dtype), self._weights) + self._bias
        return _sigmoid(values)

    def parameters(self) -> list[Array]:
        return [self._weights.copy(), self._bias.copy()]


class PublishedBackend(NumpyBackend):
    """Trains the published problem and its like only."""

    name = "numpy-published"
    summary = "NumPy with the walk-through's own arithmetic"
    ladder_step = LadderStep(
        "loops over layers and parameters: the walk-through has one layer", after="numpy-plain"
    )

    def require(self, problem: Problem, dtype: DType) -> None:
        """Raise `Unsupported` for everything but the walk-through's training."""
        if problem.batch is not None:
            raise Unsupported("trains on all rows at once, as published, not on batches")
        if not problem.optimizer.is_plain:
            kind = problem.optimizer.kind
            raise Unsupported(f"trains by plain gradient descent, as published, not by {kind}")
        layers = [(layer.width, layer.activation) for layer in problem.layers]
        if layers != [(1, "sigmoid")] or problem.loss != "l1-sum":
            raise Unsupported("trains one sigmoid under the summed L1 loss, as published, only")

    def _trainer(self, problem: Problem, dtype: DType) -> PublishedTrainer:
        return PublishedTrainer(problem, dtype)


BACKEND = PublishedBackend()
