"""The parts of an iteration as NumPy calls that are fixed beforehand: nothing is allocated in them.

Each function returns the calls of one operation on the arrays it is given; making them may
allocate, calling them does not. The arithmetic is that of `gradient` and `update`; it stays apart
from them because its speed is its point, see `numpy_inplace`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import prod
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from perceptron.problems.datasets import Array
from perceptron.problems.optimizer import Adam, AdamW, Optimizer, Sgd
from perceptron.problems.problem import Activation, Loss

Call = Callable[[], object]


class ActivationCalls(NamedTuple):
    """What turns values y into A(y), and what turns ∂E/∂a into ∂E/∂y, both in place.

    ``damp`` may spoil A(y), which nothing needs after it.
    """

    activate: list[Call]
    damp: list[Call]


def empty(shape: tuple[int, ...], dtype: npt.DTypeLike) -> Array:
    """Return an array that begins with a cache line of 64 bytes, as wide registers read it best."""
    real = np.dtype(dtype)
    size = prod(shape) * real.itemsize
    raw = np.empty(size + 64, np.uint8)
    first = -raw.ctypes.data % 64
    array: Array = raw[first : first + size].view(real).reshape(shape)
    return array


def activation_calls(kind: Activation, values: Array, delta: Array) -> ActivationCalls:
    """Return the calls of an activation on ``values``, and on ``delta`` of the same shape."""
    one = np.ones((), values.dtype)
    if kind == "sigmoid":
        return ActivationCalls(
            [
                partial(np.negative, values, values),
                partial(np.exp, values, values),
                partial(np.add, values, one, values),
                partial(np.reciprocal, values, values),
            ],
            [
                partial(np.multiply, delta, values, delta),
                partial(np.subtract, one, values, values),
                partial(np.multiply, delta, values, delta),
            ],
        )
    if kind == "tanh":
        return ActivationCalls(
            [partial(np.tanh, values, values)],
            [
                partial(np.multiply, values, values, values),
                partial(np.subtract, one, values, values),
                partial(np.multiply, delta, values, delta),
            ],
        )
    if kind == "relu":
        # One mask serves both ways, and three passes take less than `np.maximum` with a number.
        positive, mask = np.empty(values.shape, np.bool_), empty(values.shape, values.dtype)
        return ActivationCalls(
            [
                partial(np.greater, values, 0.0 * one, positive),
                partial(np.copyto, mask, positive),
                partial(np.multiply, values, mask, values),
            ],
            [partial(np.multiply, delta, mask, delta)],
        )
    return ActivationCalls([], [])


def slope_calls(
    loss: Loss, predictions: Array, targets: Array, delta: Array, scale: float
) -> list[Call]:
    """Return the calls that leave ∂E/∂f in ``delta``, without the factors of `slope_scale`.

    All are (outputs, rows). Cross-entropy leaves it multiplied with ``scale``, by which its
    ``targets`` must be multiplied beforehand: that costs no call. It spoils ``predictions``.
    """
    if loss == "cross-entropy":
        return _cross_entropy_calls(predictions, targets, delta, scale)
    difference = partial(np.subtract, predictions, targets, delta)
    if loss == "mse":
        return [difference]
    if loss != "bce":
        return [difference, partial(np.sign, delta, delta)]
    one, smallest = np.ones((), delta.dtype), np.array(1e-12, delta.dtype)
    variance = empty(delta.shape, delta.dtype)
    return [
        difference,
        partial(np.subtract, one, predictions, variance),
        partial(np.multiply, variance, predictions, variance),
        partial(np.maximum, variance, smallest, out=variance),
        partial(np.divide, delta, variance, delta),
    ]


def _cross_entropy_calls(
    predictions: Array, targets: Array, delta: Array, scale: float
) -> list[Call]:
    row = empty(predictions.shape[1:], delta.dtype)
    # NumPy's iterator over arrays of unequal shape takes longer than to repeat the row first.
    rows = empty(delta.shape, delta.dtype)
    # Their product with exponentials is the sum over the scale: one call for both.
    ones = np.full(len(predictions), 1.0 / scale, delta.dtype)
    return [
        partial(np.maximum.reduce, predictions, 0, None, row),
        partial(np.copyto, rows, row),
        partial(np.subtract, predictions, rows, predictions),
        partial(np.exp, predictions, predictions),
        partial(ones.dot, predictions, row),
        partial(np.copyto, rows, row),
        partial(np.divide, predictions, rows, delta),
        partial(np.subtract, delta, targets, delta),
    ]


def step_calls(
    optimizer: Optimizer, parameters: Array, gradients: Array, state: tuple[Array, ...]
) -> tuple[list[Call], tuple[Array, Array]]:
    """Return the calls of a step on flat arrays, and the two numbers of Adam that change.

    These are the `update.adam_factors`, to be written into the 0-d arrays before each step. `Sgd`
    wants gradients that are multiplied with the rate already. Gradients are spoiled.
    """
    real = parameters.dtype.type
    factor: Array = np.zeros((), real)
    eps: Array = np.zeros((), real)
    decay = optimizer.weight_decay
    calls: list[Call] = []
    if isinstance(optimizer, AdamW):
        keep = np.array(1.0 - optimizer.rate * decay, real)
        calls += [partial(np.multiply, parameters, keep, parameters)] if decay else []
    elif decay:
        rate = optimizer.rate if isinstance(optimizer, Sgd) else 1.0
        calls += _add_multiple(gradients, parameters, np.array(rate * decay, real))
    if isinstance(optimizer, Adam):
        calls += _adam_calls(optimizer, gradients, state, factor, eps)
    elif optimizer.momentum:
        (buffer,) = state
        momentum = np.array(optimizer.momentum, real)
        calls += [
            partial(np.multiply, buffer, momentum, buffer),
            partial(np.add, buffer, gradients, buffer),
        ]
        if optimizer.nesterov:
            calls += _add_multiple(gradients, buffer, momentum)
        else:
            gradients = buffer
    calls += [partial(np.subtract, parameters, gradients, parameters)]
    return calls, (factor, eps)


def _add_multiple(to: Array, array: Array, factor: Array) -> list[Call]:
    product = empty(array.shape, array.dtype)
    return [partial(np.multiply, array, factor, product), partial(np.add, to, product, to)]


def _adam_calls(
    optimizer: Adam, gradients: Array, state: tuple[Array, ...], factor: Array, eps: Array
) -> list[Call]:
    """Return the calls that turn gradients into what is taken off the parameters."""
    mean, square = state
    first, second = (np.array(beta, mean.dtype) for beta in optimizer.betas)
    return [
        partial(np.multiply, mean, first, mean),
        partial(np.add, mean, gradients, mean),
        partial(np.multiply, gradients, gradients, gradients),
        partial(np.multiply, square, second, square),
        partial(np.add, square, gradients, square),
        partial(np.sqrt, square, gradients),
        partial(np.add, gradients, eps, gradients),
        partial(np.divide, mean, gradients, gradients),
        partial(np.multiply, gradients, factor, gradients),
    ]
