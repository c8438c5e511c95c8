"""Training over layers as one compiled loop; the products are left to BLAS.

The arithmetic is that of `gradient` and `update`. It is separate for its speed: one pass over the
values of a layer replaces several calls of a library.

Numba compiles it once for each dtype, for any depth, loss and optimizer of the kind `Sgd`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from perceptron.problems.batches import Indices
from perceptron.problems.datasets import Array
from perceptron.problems.problem import Activation, Loss

# In compiled code activations and losses are indices of these tuples.
ACTIVATIONS: tuple[Activation, ...] = ("identity", "sigmoid", "tanh", "relu")
LOSSES: tuple[Loss, ...] = ("l1-sum", "l1-mean", "mse", "bce", "cross-entropy")
_SIGMOID, _TANH, _RELU = 1, 2, 3
_L1_MEAN, _BCE, _CROSS_ENTROPY = 1, 3, 4


class Settings(NamedTuple):
    """Constants of a training, shared by all models.

    Layer k has ``widths[k]`` inputs and ``widths[k + 1]`` outputs. Batch k is the rows
    ``orders[begins[k] : ends[k]]``; without ``orders`` it is all rows.
    """

    widths: Array
    activations: Array
    ones: Array
    begins: Indices
    ends: Indices
    scales: Array  # of the slope, the rate included
    orders: Indices
    loss: int
    nesterov: bool
    # Numbers of the dtype in use: a literal would batch float32 into float64.
    momentum: Any
    decay: Any  # rate × weight decay
    one: Any
    smallest: Any


class LoopArrays(NamedTuple):
    """Arrays that the loop of `descent` works on.

    The arrays of all layers are parts of one array, so that the code is compiled once for any
    depth. Without orders, ``signals`` and ``targets`` hold all rows already.
    """

    parameters: Array  # weights 1, bias 1, weights 2, …
    gradients: Array
    buffer: Array  # momentum's, of the parameters' size
    signals: Array  # the batch's inputs, then the output of each layer
    deltas: Array  # ∂E/∂y of each layer
    targets: Array  # (rows of a batch, outputs)
    all_inputs: Array  # (rows, features)
    all_targets: Array


def _activate(kind: int, values: Array, bias: Array, one: Any) -> None:
    for row in range(values.shape[0]):
        for j in range(values.shape[1]):
            y = values[row, j] + bias[j]
            if kind == _SIGMOID:
                y = one / (one + math.exp(-y))
            elif kind == _TANH:
                # Off by 1 in the last place of 1, and a quarter of math.tanh's time.
                y = (one + one) / (one + math.exp(-y - y)) - one
            elif kind == _RELU and y < 0:
                y = one - one
            values[row, j] = y


def _damp(kind: int, delta: Array, output: Array, one: Any) -> None:
    for row in range(delta.shape[0]):
        for j in range(delta.shape[1]):
            a = output[row, j]
            if kind == _SIGMOID:
                delta[row, j] *= a - a * a
            elif kind == _TANH:
                delta[row, j] *= one - a * a
            elif kind == _RELU:
                delta[row, j] *= a > 0


def _slope(
    settings: Settings, targets: Array, predictions: Array, delta: Array, scale: Any
) -> None:
    for row in range(delta.shape[0]):
        largest = total = settings.one - settings.one
        if settings.loss == _CROSS_ENTROPY:
            largest = predictions[row].max()
            for j in range(delta.shape[1]):
                delta[row, j] = math.exp(predictions[row, j] - largest)
                total += delta[row, j]
        for j in range(delta.shape[1]):
            f = predictions[row, j]
            if settings.loss == _CROSS_ENTROPY:
                slope = delta[row, j] / total - targets[row, j]
            else:
                slope = f - targets[row, j]
                if settings.loss <= _L1_MEAN:
                    slope = np.sign(slope)
                elif settings.loss == _BCE:
                    slope /= max((settings.one - f) * f, settings.smallest)
            delta[row, j] = scale * slope


def _gather(arrays: LoopArrays, orders: Indices) -> None:
    features = arrays.all_inputs.shape[1]
    for i, row in enumerate(orders):
        for j in range(features):
            arrays.signals[i * features + j] = arrays.all_inputs[row, j]
        for j in range(arrays.targets.shape[1]):
            arrays.targets[i, j] = arrays.all_targets[row, j]


def _step(settings: Settings, parameters: Array, gradients: Array, buffer: Array) -> None:
    if settings.decay > 0:
        for index in range(len(parameters)):
            gradients[index] += settings.decay * parameters[index]
    if settings.momentum > 0:
        for index in range(len(parameters)):
            buffer[index] = settings.momentum * buffer[index] + gradients[index]
            if settings.nesterov:
                gradients[index] += settings.momentum * buffer[index]
            else:
                gradients[index] = buffer[index]
    for index in range(len(parameters)):
        parameters[index] -= gradients[index]


def _matrix(values: Array, start: int, rows: int, width: int) -> Array:
    return values[start : start + rows * width].reshape(rows, width)


@lru_cache(maxsize=1)
def descent() -> Callable[[Settings, LoopArrays, int, int], None]:
    """Return the compiled training loop, with the arithmetic of `gradient` and `update`.

    Its arguments are settings, arrays, the index of the first iteration and the number of
    iterations.
    """
    activate, damp, gather = compiled(_activate), compiled(_damp), compiled(_gather)
    slope, matrix, step = compiled(_slope), compiled(_matrix), compiled(_step)

    def descend(settings: Settings, arrays: LoopArrays, first: int, iterations: int) -> None:
        widths, activations, one = settings.widths, settings.activations, settings.one
        depth, outputs = len(activations), widths[1:].sum()
        for iteration in range(first, first + iterations):
            batch = iteration % len(settings.begins)
            begin, end = settings.begins[batch], settings.ends[batch]
            rows = end - begin
            if len(settings.orders) > 0:
                gather(arrays, settings.orders[begin:end])
            entering = parameter = 0  # where the layer's inputs and parameters begin
            for k in range(depth):
                fan_in, fan_out = widths[k], widths[k + 1]
                signal = matrix(arrays.signals, entering, rows, fan_in)
                weights = matrix(arrays.parameters, parameter, fan_in, fan_out)
                entering += rows * fan_in
                parameter += fan_in * fan_out
                bias = arrays.parameters[parameter : parameter + fan_out]
                parameter += fan_out
                output = matrix(arrays.signals, entering, rows, fan_out)
                np.dot(signal, weights, output)
                activate(activations[k], output, bias, one)
            leaving = rows * outputs  # where the deltas of the layer above begin
            for k in range(depth - 1, -1, -1):
                fan_in, fan_out = widths[k], widths[k + 1]
                leaving -= rows * fan_out
                delta = matrix(arrays.deltas, leaving, rows, fan_out)
                output = matrix(arrays.signals, entering, rows, fan_out)
                entering -= rows * fan_in
                signal = matrix(arrays.signals, entering, rows, fan_in)
                if k == depth - 1:
                    slope(settings, arrays.targets, output, delta, settings.scales[batch])
                damp(activations[k], delta, output, one)
                parameter -= fan_out
                bias_gradient = arrays.gradients[parameter : parameter + fan_out]
                np.dot(settings.ones[:rows], delta, bias_gradient)
                parameter -= fan_in * fan_out
                gradient = matrix(arrays.gradients, parameter, fan_in, fan_out)
                np.dot(signal.T, delta, gradient)
                if k > 0:
                    weights = matrix(arrays.parameters, parameter, fan_in, fan_out)
                    below = matrix(arrays.deltas, leaving - rows * fan_in, rows, fan_in)
                    np.dot(delta, weights.T, below)
            step(settings, arrays.parameters, arrays.gradients, arrays.buffer)

    return compiled(descend)


def compiled(
    function: Callable[..., Any], signature: Any = None, *, parallel: bool = False
) -> Callable[..., Any]:
    """Return the function compiled by Numba: at its first call, or now with a ``signature``.

    ``parallel`` divides a `numba.prange` in the function among threads.
    """
    from numba import njit

    # Sums may be reordered and fused with products, as BLAS does; NaN and infinity keep their
    # meaning, so that a training that diverges shows.
    compiler = njit(
        signature, fastmath={"contract", "reassoc"}, error_model="numpy", parallel=parallel
    )
    result: Callable[..., Any] = compiler(function)
    return result
