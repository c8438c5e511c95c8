"""What rounding does to the gradients of a network: a value and an error for each of them.

Computed in float64, along the arithmetic of `shared.gradient`. Errors are counted in units of a
type's eps, the distance from 1 to its next number. A sum over the values of a layer adds the
squares of their errors, which are independent; a sum over rows adds the errors themselves, because
the rounding of a weight is the same in each row (Higham, Accuracy and Stability of Numerical
Algorithms, 2002, §2.8 and §3.1). Of ours in float32, errors are up to 0.7 of these.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from perceptron.backends.shared.gradient import slope_scale
from perceptron.problems.datasets import Array, Part
from perceptron.problems.problem import Activation, Loss, Problem

# A value this close to where a slope jumps may be on either side of it, in any type of ours.
_EITHER_SIDE = 4.0 * float(np.finfo(np.float32).eps)


class Rounded(NamedTuple):
    """Values in float64, and how far a narrower type may leave them from that, in its eps."""

    values: Array
    error: Array


def gradients(problem: Problem, parameters: Sequence[Array], batch: Part) -> list[Rounded]:
    """Return the gradient of each array of parameters on a batch, in its shape.

    ``batch`` has targets in the form that the loss takes. Parameters of several models are stacked,
    as is a batch that they do not share: each has an axis more, in front.
    """
    # Parameters themselves are rounded to within half a unit.
    rounded = [Rounded(array, np.abs(array) / 2.0) for array in parameters]
    layers = _forward(problem, rounded, batch.inputs)
    delta = _slope(problem, layers[-1], batch.targets)
    arrays: list[Rounded] = []
    for index in reversed(range(len(problem.layers))):
        below = layers[index]
        delta = _damped(delta, layers[index + 1], problem.layers[index].activation)
        size = np.abs(delta.values)
        reach = delta.error + size
        upright = _transposed(below)
        error = np.abs(upright.values) @ reach + upright.error @ size
        arrays = [
            Rounded(upright.values @ delta.values, error),
            Rounded(delta.values.sum(axis=-2), reach.sum(axis=-2)),
            *arrays,
        ]
        if index:
            delta = _product(delta, _transposed(rounded[2 * index]))
    return arrays


def _transposed(matrices: Rounded) -> Rounded:
    return Rounded(matrices.values.swapaxes(-1, -2), matrices.error.swapaxes(-1, -2))


def _forward(problem: Problem, parameters: Sequence[Rounded], inputs: Array) -> list[Rounded]:
    """Return the inputs and each layer's output, ([models,] rows, width) each."""
    values = Rounded(inputs, np.abs(inputs) / 2.0)
    layers = [values]
    for layer, weights, bias in zip(problem.layers, parameters[::2], parameters[1::2], strict=True):
        product = _product(values, weights)
        own = Rounded(bias.values[..., None, :], bias.error[..., None, :])
        sums = Rounded(product.values + own.values, product.error + own.error)
        values = _activated(sums, layer.activation)
        layers.append(values)
    return layers


def _product(left: Rounded, right: Rounded) -> Rounded:
    """Multiply matrices: a sum of n terms of either sign is off by √n roundings of their size."""
    terms = left.values.shape[-1]
    variance = left.error**2 @ right.values**2
    variance += left.values**2 @ (right.error**2 + terms * right.values**2)
    return Rounded(left.values @ right.values, np.sqrt(variance))


def _activated(sums: Rounded, activation: Activation) -> Rounded:
    values, error = sums
    if activation == "identity":
        return Rounded(values, error + np.abs(values))
    if activation == "relu":
        return Rounded(np.maximum(values, 0.0), error * (values > -_EITHER_SIDE * error))
    if activation == "tanh":
        values = np.tanh(values)
        return Rounded(values, (1.0 - values**2) * error + np.abs(values))
    with np.errstate(over="ignore"):
        values = 1.0 / (1.0 + np.exp(-values))
    return Rounded(values, values * (1.0 - values) * error + values)


def _damped(delta: Rounded, output: Rounded, activation: Activation) -> Rounded:
    """Multiply with the slope of an activation, written in terms of its output."""
    if activation == "identity":
        return delta
    slope = _activation_slope(output, activation)
    error = np.hypot(delta.error * slope.values, delta.values * slope.error)
    return Rounded(delta.values * slope.values, error)


def _activation_slope(output: Rounded, activation: Activation) -> Rounded:
    values, error = output
    if activation == "relu":
        return Rounded((values > 0.0).astype(np.float64), _jump(1.0, values, error))
    if activation == "tanh":
        return Rounded(1.0 - values**2, 2.0 * np.abs(values) * error + 1.0)
    return Rounded(values - values**2, np.abs(1.0 - 2.0 * values) * error + values)


def _slope(problem: Problem, predictions: Rounded, targets: Array) -> Rounded:
    """Return ∂E/∂f of the loss, its scale included."""
    values, error = _unscaled_slope(problem.loss, predictions, targets)
    scale = slope_scale(problem.loss, *values.shape[-2:])
    return Rounded(scale * values, scale * error)


def _unscaled_slope(loss: Loss, predictions: Rounded, targets: Array) -> Rounded:
    values, error = predictions
    difference = values - targets
    if loss == "cross-entropy":
        shares = np.exp(values - values.max(axis=-1, keepdims=True))
        shares /= shares.sum(axis=-1, keepdims=True)
        own = shares * error
        of_all = shares * np.sqrt((own**2).sum(axis=-1, keepdims=True))
        return Rounded(shares - targets, own + of_all + shares)
    if loss == "mse":
        return Rounded(difference, error + np.abs(difference))
    if loss == "bce":
        variance = np.maximum((1.0 - values) * values, 1e-12)
        return Rounded(difference / variance, (difference / variance) ** 2 * (error + values))
    return Rounded(np.sign(difference), _jump(2.0, difference, error))


def _jump(height: float, values: Array, error: Array) -> Array:
    """Return the error of a step function at 0, in eps of float32: its height, or nothing."""
    near = np.abs(values) <= _EITHER_SIDE * error
    return height / float(np.finfo(np.float32).eps) * (near & (error > 0.0))
