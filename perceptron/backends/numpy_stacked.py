"""NumPy on the CPU, several models at once: stacked arrays, a product of each model a layer."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat

import numpy as np

from perceptron.backends.protocol import Evaluation
from perceptron.backends.shared.evaluation import evaluate
from perceptron.backends.shared.gradient import slope_scale
from perceptron.backends.shared.stacked import (
    StackedBatch,
    StackedNetwork,
    forward_stacked,
    train_stacked,
)
from perceptron.backends.shared.update import adam_factors, start_state, update
from perceptron.problems.datasets import Array
from perceptron.problems.optimizer import Adam
from perceptron.problems.problem import DType, Problem


class StackedNumpyTrainer:
    """See `stacked` for the gradients and `update` for the steps, which are those of one model."""

    def __init__(self, problem: Problem, dtype: DType) -> None:
        part, _ = problem.parts()
        self._problem, self._dtype = problem, np.dtype(dtype)
        self._inputs, self._targets = part.inputs.astype(dtype), part.targets.astype(dtype)
        start = np.concatenate([array.ravel() for array in problem.stacked_start()])
        self._start = start.astype(dtype)
        self._network = StackedNetwork(
            parameters=self._start.copy(),
            gradients=np.zeros_like(self._start),
            models=problem.models,
            widths=problem.widths,
            activations=tuple(layer.activation for layer in problem.layers),
            loss=problem.loss,
        )
        self._batches = problem.batches
        self._state = start_state(np, problem.optimizer, self._start)
        self._iteration = self._steps = 0

    def train(self, iterations: int) -> None:
        if self._batches is None:
            rows = self._inputs.shape[-2]
            whole = StackedBatch(self._inputs, self._targets, self._ones(rows), self._scale(rows))
            batches: Iterator[StackedBatch] = repeat(whole, iterations)
        else:
            batches = self._gathered(iterations)
        with np.errstate(over="ignore"):
            train_stacked(np, self._network, batches, self._step)

    def reset(self) -> None:
        self._network.parameters[...] = self._start
        for array in self._state:
            array[...] = 0.0
        self._iteration = self._steps = 0

    def loss(self) -> float:
        return self.evaluate().train.loss

    def evaluate(self) -> Evaluation:
        with np.errstate(over="ignore"):
            return evaluate(self._problem, self._predict)

    def parameters(self) -> list[Array]:
        return [array.copy() for array in self._network.arrays]

    def _predict(self, inputs: Array) -> Array:
        outputs: Array = forward_stacked(np, self._network, inputs.astype(self._dtype))[-1]
        return outputs

    def _ones(self, rows: int) -> Array:
        return np.ones(rows, self._dtype)

    def _scale(self, rows: int) -> Array:
        problem = self._problem
        return np.array(slope_scale(problem.loss, rows, problem.outputs), self._dtype)

    def _gathered(self, iterations: int) -> Iterator[StackedBatch]:
        """Yield the next batches, each gathered when its turn comes."""
        batches = self._batches
        assert batches is not None
        orders, inputs, targets = batches.orders, self._inputs, self._targets
        of_length = {
            rows: (self._ones(rows), self._scale(rows)) for rows in (batches.size, batches.shortest)
        }
        for begin, end in batches.spans(self._iteration, iterations):
            rows = orders[begin:end]
            yield StackedBatch(
                inputs.take(rows, -2), targets.take(rows, -2), *of_length[end - begin]
            )
        self._iteration += iterations

    def _step(self) -> None:
        optimizer, factors = self._problem.optimizer, None
        if isinstance(optimizer, Adam):
            self._steps += 1
            factor, eps = adam_factors(optimizer, self._steps)
            factors = np.array(factor, self._dtype), np.array(eps, self._dtype)
        update(
            np,
            optimizer,
            self._network.parameters,
            self._network.gradients,
            self._state,
            factors,
        )
