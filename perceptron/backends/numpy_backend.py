"""NumPy on the CPU, gradients derived by hand: of one model, or of several.

The trainer of several is that of one; only where the arrays lie is another matter: they are a layer
for all models, or stacked. Stacked gradients are the mathematics of `gradient` with one axis more
in front: weights are (models, fan in, fan out), a product is one of each model, and inputs are
either the same for all, (rows, features), or (models, rows, features). Parameters lie in one flat
array and gradients in another, array after array and in each model after model, so that an
optimizer passes over all models at once.

Values lie as (models, rows, width), those of the last layer as (models, outputs, rows): NumPy's
reductions along the last axis, ten values long, would take the softmax as much time as all
products. Callers see (models, rows, outputs) all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from perceptron.backends.numpy_trainer import NumpyTrainer
from perceptron.backends.protocol import LadderStep, Trainer, thread_variables
from perceptron.backends.shared.gradient import (
    ACTIVATE,
    DAMP,
    SLOPES,
    Network,
    Step,
    forward,
    views,
    whole_batch,
)
from perceptron.backends.shared.update import State
from perceptron.problems.datasets import Array
from perceptron.problems.problem import Activation, DType, Loss, Problem

Tensor = Any
Namespace = Any


class StackedBatch(NamedTuple):
    """The rows of one iteration, of all models or of each."""

    inputs: Tensor
    """([models,] rows, features)"""
    targets: Tensor
    """([models,] rows, outputs); best as a view of what lies as (outputs, rows)."""
    ones: Tensor
    """(rows,)"""
    scale: Tensor
    """Scale of the loss's slope, an array of one value."""


@dataclass(frozen=True)
class StackedNetwork:
    """Arrays of several models of one shape, all of one dtype on one device."""

    parameters: Tensor
    gradients: Tensor
    models: int
    widths: Sequence[int]
    activations: tuple[Activation, ...]
    loss: Loss

    @cached_property
    def arrays(self) -> list[Tensor]:
        """Views of the parameters: [weights 1 (models, fan in, fan out), bias 1 …]."""
        return views(self.parameters, self.widths, self.models)

    @cached_property
    def gradient_arrays(self) -> list[Tensor]:
        """Views of the gradients, as `arrays`."""
        return views(self.gradients, self.widths, self.models)


def train_stacked(
    xp: Namespace, network: StackedNetwork, batches: Iterable[StackedBatch], step: Step
) -> None:
    """Take a step of all models on each batch: compute the gradients, and ``step``."""
    matmul, slope = xp.matmul, SLOPES[network.loss]
    arrays, gradients = network.arrays, network.gradient_arrays
    transposed = [weights.swapaxes(-1, -2) for weights in arrays[::2]]
    layers = list(enumerate(network.activations))[::-1]
    for inputs, targets, ones, scale in batches:
        outputs = forward_stacked(xp, network, inputs)
        delta = slope(xp, outputs[-1], targets)
        delta *= scale
        for index, activation in layers:
            DAMP[activation](xp, delta, outputs[index + 1])
            matmul(outputs[index].swapaxes(-1, -2), delta, out=gradients[2 * index])
            matmul(ones, delta, out=gradients[2 * index + 1])
            if index:
                delta = matmul(delta, transposed[index])
        step()


def forward_stacked(xp: Namespace, network: StackedNetwork, inputs: Tensor) -> list[Tensor]:
    """Return the inputs and the output of each layer, (models, rows, width) each."""
    arrays, activations = network.arrays, network.activations
    values = inputs
    outputs = [values]
    for weights, bias, activation in zip(arrays[:-2:2], arrays[1:-2:2], activations, strict=False):
        values = xp.matmul(values, weights)
        values += bias[:, None, :]
        ACTIVATE[activation](xp, values, 1.0)
        outputs.append(values)
    weights, bias = arrays[-2:]
    values = xp.matmul(weights.swapaxes(-1, -2), values.swapaxes(-1, -2))
    values += bias[:, :, None]
    ACTIVATE[activations[-1]](xp, values, 1.0)
    outputs.append(values.swapaxes(-1, -2))
    return outputs


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

    A product of all models in the first layer, whose inputs they
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
    """Return what trains this problem's model, or all its models."""
    if problem.models == 1:
        return NumpyTrainer(problem, dtype)
    shared = not problem.folds and len(problem.layers) == 1
    return (SideBySideTrainer if shared else StackedTrainer)(problem, dtype)


class NumpyBackend:
    """The reference for agreement, and the incumbent of most comparisons."""

    name = "numpy"
    device = "cpu"
    summary = "NumPy, gradients derived by hand, one activation an iteration"
    rung = LadderStep("activations computed twice", after="numpy-published")
    rung_of_models = LadderStep(
        "calls for each model: an operation passes over all", after="numpy-sequential"
    )
    published_dtype: DType = "float64"

    def unavailable(self) -> str | None:
        return None

    def environment(self, threads: int) -> dict[str, str]:
        return thread_variables(threads)

    def prepare(self, problem: Problem, dtype: DType) -> Trainer:
        trainer = trainer_of(problem, dtype)
        trainer.train(2)  # warm up: the first product starts the thread pool
        trainer.reset()
        return trainer


BACKEND = NumpyBackend()
