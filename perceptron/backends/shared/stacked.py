"""Gradients of several models at once, over any array module with NumPy's names.

The same mathematics as in `gradient`, with one axis more in front: weights are (models, fan in, fan
out), a product is one of each model, and inputs are either the same for all, (rows, features), or
(models, rows, features). Parameters lie in one flat array and gradients in another, array after
array and in each model after model, so that an optimizer passes over all models at once.

Values lie as (models, rows, width), those of the last layer as (models, outputs, rows): NumPy's
reductions along the last axis, ten values long, would take the softmax as much time as all
products. Whoever sees them sees (models, rows, outputs) all the same.
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
    """The rows of one iteration, of all models or of each."""

    inputs: Tensor
    """([models,] rows, features)"""
    targets: Tensor
    """([models,] rows, outputs); best as a view of what lies as (outputs, rows)."""
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
