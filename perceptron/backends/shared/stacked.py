"""Gradients of several models at once, over any array module with NumPy's names.

The same mathematics as in `gradient`, with one axis more in front: weights are (models, fan in, fan
out), a product is one of each model, and inputs are either the same for all, (rows, features), or
(models, rows, features). Parameters lie in one flat array and gradients in another, array after
array and in each model after model, so that an optimizer passes over all models at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from perceptron.backends.shared.gradient import ACTIVATE, DAMP, SLOPES, Step, views
from perceptron.problems.problem import Activation, Loss

Tensor = Any
Namespace = Any


class StackedBatch(NamedTuple):
    """The rows of one iteration: ``inputs`` and ``targets``, of all models or of each."""

    inputs: Tensor
    targets: Tensor
    ones: Tensor
    """(rows,)"""
    scale: Tensor
    """Of the loss's slope, an array of one value."""


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
    transposed = [weights.mT for weights in arrays[::2]]
    layers = list(enumerate(network.activations))[::-1]
    for inputs, targets, ones, scale in batches:
        outputs = forward_stacked(xp, network, inputs)
        delta = slope(xp, outputs[-1], targets)
        delta *= scale
        for index, activation in layers:
            DAMP[activation](xp, delta, outputs[index + 1])
            matmul(outputs[index].mT, delta, out=gradients[2 * index])
            matmul(ones, delta, out=gradients[2 * index + 1])
            if index:
                delta = matmul(delta, transposed[index])
        step()


def forward_stacked(xp: Namespace, network: StackedNetwork, inputs: Tensor) -> list[Tensor]:
    """Return the inputs and the output of each layer, (models, rows, width) each."""
    values = inputs
    outputs = [values]
    arrays = network.arrays
    for index, activation in enumerate(network.activations):
        values = xp.matmul(values, arrays[2 * index])
        values += arrays[2 * index + 1][:, None, :]
        ACTIVATE[activation](xp, values, 1.0)
        outputs.append(values)
    return outputs
