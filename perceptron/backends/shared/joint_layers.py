"""Layers whose weights and bias are one matrix, and the fixed calls of an iteration on them.

Beside the values that enter a layer stands a column of ones, so that products with weights and bias
are one product, and their gradients another. Batches are gathered row by row, so values lie as
(rows, width + 1). Those of the last layer lie as (outputs, rows), because a softmax along the
first axis takes a third of the time; its matrix lies as (outputs, fan in + 1), the others as
(fan in + 1, fan out): so all products find their operands in the order that BLAS is fastest with.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise

import numpy as np

from perceptron.backends.shared.fixed_calls import Call, activation_calls, empty, slope_calls
from perceptron.problems.datasets import Array
from perceptron.problems.problem import Problem


def joint_matrices(flat: Array, widths: Sequence[int]) -> list[Array]:
    """Return the matrix of each layer as a view of one flat array, one after another."""
    matrices, begin = [], 0
    for fan_in, fan_out in pairwise(widths):
        end = begin + (fan_in + 1) * fan_out
        matrices.append(flat[begin:end].reshape(fan_in + 1, fan_out))
        begin = end
    matrices[-1] = matrices[-1].reshape(-1).reshape(widths[-1], -1)
    return matrices


def layer_arrays(matrices: Sequence[Array]) -> list[Array]:
    """Return views [weights 1 (fan in, fan out), bias 1 (fan out,), …] of the matrices."""
    upright = [*matrices[:-1], matrices[-1].T]
    return [view for matrix in upright for view in (matrix[:-1], matrix[-1])]


def with_ones(values: Array) -> Array:
    """Return values (rows, width) with a column of ones, (rows, width + 1)."""
    array = empty((len(values), values.shape[1] + 1), values.dtype)
    array[:, :-1] = values
    array[:, -1] = 1.0
    return array


def iteration_calls(
    problem: Problem,
    matrices: Sequence[Array],
    gradients: Sequence[Array],
    inputs: Array,
    targets: Array,
    scale: float,
    factor: float,
    stay: bool,
) -> list[Call]:
    """Return the calls that compute the gradients on ``inputs`` and ``targets``.

    ``inputs`` (rows, features + 1) with their ones, ``targets`` (outputs, rows); ``stay`` tells
    that their values do not change from one iteration to the next. ``scale`` is for `slope_calls`,
    and the slope they leave is multiplied with ``factor``.
    """
    rows, dtype = len(inputs), inputs.dtype
    entering = [inputs, *(with_ones(np.zeros((rows, width), dtype)) for width in problem.hidden)]
    outputs, last_delta = (empty((problem.outputs, rows), dtype) for _ in range(2))
    deltas = [*(empty(signal.shape, dtype) for signal in entering[1:]), last_delta]
    calls: list[Call] = []
    damps: list[list[Call]] = []
    for index, layer in enumerate(problem.layers):
        below, matrix = entering[index], matrices[index]
        if index + 1 < len(problem.layers):
            values = entering[index + 1]
            calls += [_product(below, matrix, values[:, :-1])]
        else:
            values = outputs
            calls += [_product(matrix, below.T, values)]
        activate, damp = activation_calls(layer.activation, values, deltas[index])
        calls += activate
        if values is not outputs and layer.activation in ("sigmoid", "tanh"):
            ones = values[:, -1]
            calls += [partial(np.copyto, ones, np.ones_like(ones))]
        damps.append(damp)
    calls += slope_calls(problem.loss, outputs, targets, last_delta, scale)
    first_inputs = inputs
    if factor != 1.0:
        if stay and len(matrices) == 1:  # nothing but the inputs is multiplied with the slope
            first_inputs = inputs * np.array(factor, dtype)
        else:
            calls += [partial(np.multiply, last_delta, np.array(factor, dtype), last_delta)]
    return calls + _backward_calls(
        matrices, gradients, [first_inputs, *entering[1:]], deltas, damps
    )


def _backward_calls(
    matrices: Sequence[Array],
    gradients: Sequence[Array],
    entering: Sequence[Array],
    deltas: Sequence[Array],
    damps: Sequence[list[Call]],
) -> list[Call]:
    """Return the calls from ∂E/∂a of the last layer down to all gradients.

    A delta of a hidden layer has a column for the ones above, which nothing reads.
    """
    last = len(matrices) - 1
    calls: list[Call] = []
    for index in range(last, -1, -1):
        delta, matrix, below = deltas[index], matrices[index], entering[index]
        calls += damps[index]
        if index == last:
            calls += [_product(delta, below, gradients[index])]
            delta = delta.T
            matrix = matrix.T
        else:
            delta = delta[:, :-1]
            calls += [_product(below.T, delta, gradients[index])]
        if index:
            calls += [_product(delta, matrix.T, deltas[index - 1])]
    return calls


def _product(left: Array, right: Array, out: Array) -> Call:
    """Return the call of a product; ``dot`` takes 0.2 µs less, and copies what lies in pieces."""
    in_one = all(array.flags.forc for array in (left, right)) and out.flags.c_contiguous
    return partial(left.dot, right, out) if in_one else partial(np.matmul, left, right, out)
