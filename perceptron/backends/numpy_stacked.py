"""NumPy on the CPU, several models at once: a layer for all of them, or stacked arrays.

The trainer is that of one model; only where the arrays lie is another matter.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from perceptron.backends.numpy_trainer import NumpyTrainer
from perceptron.backends.shared.gradient import Network, forward, whole_batch
from perceptron.backends.shared.stacked import (
    StackedBatch,
    StackedNetwork,
    forward_stacked,
    train_stacked,
)
from perceptron.backends.shared.update import State
from perceptron.problems.datasets import Array
from perceptron.problems.problem import DType, Problem

# Values of one array that an optimizer updates together: what it reads and writes of them stays in
# a cache of two megabytes. Passing over all values with each operation takes half as long again.
_PIECE = 2**16


class SideBySideTrainer(NumpyTrainer):
    """Trains models of one layer on data that they share, as one layer; see `gradient.Network`.

    Its weights are (features, models · outputs): one product serves all models, and an operation
    passes over the values of all of them.
    """

    def parameters(self) -> list[Array]:
        weights, bias = self._network.arrays
        apart = (self._problem.models, self._problem.outputs)
        return [
            weights.reshape(-1, *apart).transpose(1, 0, 2).copy(),
            bias.reshape(apart).copy(),
        ]

    def _data(self) -> tuple[Array, Array]:
        inputs, targets = super()._data()
        return inputs, targets[:, None, :]

    def _start_arrays(self) -> list[Array]:
        weights, bias = self._problem.stacked_start()
        return [weights.transpose(1, 0, 2), bias]

    def _make_network(self, parameters: Array, gradients: Array) -> Network:
        problem = self._problem
        return Network(
            parameters=parameters,
            gradients=gradients,
            widths=(problem.dataset.features, problem.models * problem.outputs),
            activations=(problem.layers[0].activation,),
            loss=problem.loss,
            models=problem.models,
        )

    def _whole_batch(self, scale: Any) -> Any:
        # Repeated for each model, because NumPy passes faster over arrays of equal shape.
        targets = self._targets.repeat(self._problem.models, axis=1)
        return whole_batch(self._network, self._inputs, targets, scale)

    def _predict(self, inputs: Array) -> Array:
        outputs: Array = forward(self._xp, self._network, inputs.astype(self._dtype))[-1]
        apart = outputs.reshape(len(inputs), self._problem.models, self._problem.outputs)
        return apart.transpose(1, 0, 2)


def _batch_of(inputs: Array, targets: Array, ones: Array, scale: Array) -> StackedBatch:
    """Return a batch whose targets lie as ([models,] outputs, rows)."""
    return StackedBatch(inputs, targets.swapaxes(-1, -2), ones, scale)


class StackedTrainer(NumpyTrainer):
    """Trains models of several layers, or each on data of its own: a product of each model a layer.

    See `stacked` for the gradients. A product of all models in the first layer, whose inputs they
    share, takes no less time than one of each: these are of the size that BLAS is fastest with.
    """

    _axes = -2, -1
    _batch_of = staticmethod(_batch_of)
    _train = staticmethod(train_stacked)

    def __init__(self, problem: Problem, dtype: DType) -> None:
        super().__init__(problem, dtype, xp=np)

    def _data(self) -> tuple[Array, Array]:
        inputs, targets = self._problem.parts()[0]
        upright = np.ascontiguousarray(targets.swapaxes(-1, -2), self._dtype)
        return inputs.astype(self._dtype), upright

    def _start_arrays(self) -> list[Array]:
        return self._problem.stacked_start()

    def _make_network(self, parameters: Array, gradients: Array) -> StackedNetwork:
        problem = self._problem
        return StackedNetwork(
            parameters=parameters,
            gradients=gradients,
            models=problem.models,
            widths=problem.widths,
            activations=tuple(layer.activation for layer in problem.layers),
            loss=problem.loss,
        )

    def _whole_batch(self, scale: Any) -> StackedBatch:
        ones = np.ones(self._problem.step_rows, self._dtype)
        return _batch_of(self._inputs, self._targets, ones, scale)

    def _pieces(self) -> list[tuple[Array, Array, State]]:
        parameters, gradients = self._network.parameters, self._network.gradients
        pieces = []
        for begin in range(0, parameters.size, _PIECE):
            part = slice(begin, begin + _PIECE)
            pieces.append(
                (parameters[part], gradients[part], tuple(array[part] for array in self._state))
            )
        return pieces

    def _predict(self, inputs: Array) -> Array:
        outputs: Array = forward_stacked(np, self._network, inputs.astype(self._dtype))[-1]
        return outputs


def trainer_of(problem: Problem, dtype: DType) -> NumpyTrainer:
    """Return what trains this problem's model, or its models at once."""
    if problem.models == 1:
        return NumpyTrainer(problem, dtype)
    shared = not problem.folds and len(problem.layers) == 1
    return (SideBySideTrainer if shared else StackedTrainer)(problem, dtype)
