"""NumPy that allocates nothing while it trains: lists of calls, fixed when it is prepared.

The arithmetic is that of `gradient` and `update`, with every array made beforehand and every
operation given the array for its result. It stays apart from them because its speed is its point:
no call is looked up, no argument bound and no array made while it trains. Making calls may
allocate, calling them does not.

Weights and bias of a layer are one matrix. Beside the values that enter a layer stands a column of
ones, so that products with weights and bias are one product, and their gradients another. Batches
are gathered row by row, so values lie as (rows, width + 1). Those of the last layer lie as
(outputs, rows), because a softmax along the first axis takes a third of the time; its matrix lies
as (outputs, fan in + 1), the others as (fan in + 1, fan out): so all products find their operands
in the order that BLAS is fastest with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import pairwise, repeat
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from perceptron.backends.numpy_backend import NumpyBackend
from perceptron.backends.protocol import LadderStep
from perceptron.backends.shared.evaluation import Scored
from perceptron.backends.shared.gradient import numpy_matrices, outputs_of, step_scale
from perceptron.backends.shared.update import factors_of
from perceptron.problems.batches import Batches
from perceptron.problems.cost import parameter_count
from perceptron.problems.datasets import Array
from perceptron.problems.optimizer import Adam, AdamW, Optimizer, Sgd
from perceptron.problems.problem import Activation, DType, Loss, Problem


class Calls(list[Callable[[], object]]):
    """A list of calls; ``calls.add(left, right, out)`` appends a call of `np.add`.

    Methods of `list`, such as ``copy``, ``insert`` and ``sort``, keep their meaning.
    """

    def __getattr__(self, name: str) -> Callable[..., None]:
        function = getattr(np, name)
        return lambda *arguments, **out: self.append(partial(function, *arguments, **out))

    def product(self, left: Array, right: Array, out: Array) -> None:
        """Append a matrix product: `dot`, which takes 0.2 µs less but copies strided arrays."""
        are_contiguous = all(array.flags.forc for array in (left, right)) and out.flags.c_contiguous
        self.append(
            partial(left.dot, right, out)
            if are_contiguous
            else partial(np.matmul, left, right, out)
        )

    def add_multiple(self, to: Array, array: Array, factor: Array) -> None:
        """Append ``to += array * factor``."""
        product = empty(array.shape, array.dtype)
        self.multiply(array, factor, product)
        self.add(to, product, to)


def empty(shape: tuple[int, ...], dtype: npt.DTypeLike) -> Array:
    """Return an array aligned to a cache line of 64 bytes, which wide registers read faster."""
    real = np.dtype(dtype)
    size = prod(shape) * real.itemsize
    raw = np.empty(size + 64, np.uint8)
    offset = -raw.ctypes.data % 64
    array: Array = raw[offset : offset + size].view(real).reshape(shape)
    return array


def activation_calls(kind: Activation, values: Array, delta: Array) -> tuple[Calls, Calls]:
    """Return the calls that turn ``values`` y into A(y), and ``delta`` ∂E/∂a into ∂E/∂y, in place.

    Both arrays have the same shape. The second calls may overwrite A(y), which is not used again.
    """
    up, down, one = Calls(), Calls(), np.ones((), values.dtype)
    if kind == "sigmoid":
        up.negative(values, values)
        up.exp(values, values)
        up.add(values, one, values)
        up.reciprocal(values, values)
        down.multiply(delta, values, delta)
        down.subtract(one, values, values)
        down.multiply(delta, values, delta)
    elif kind == "tanh":
        up.tanh(values, values)
        down.multiply(values, values, values)
        down.subtract(one, values, values)
        down.multiply(delta, values, delta)
    elif kind == "relu":
        # One mask serves both ways, and three passes take less than `np.maximum` with a number.
        positive, mask = np.empty(values.shape, np.bool_), empty(values.shape, values.dtype)
        up.greater(values, 0.0 * one, positive)
        up.copyto(mask, positive)
        up.multiply(values, mask, values)
        down.multiply(delta, mask, delta)
    return up, down


def slope_calls(
    loss: Loss, predictions: Array, targets: Array, delta: Array, scale: float
) -> Calls:
    """Return the calls that write ∂E/∂f to ``delta``, without the factors of `slope_scale`.

    Arrays are (outputs, rows). Cross-entropy multiplies ∂E/∂f by ``scale``, which costs no call if
    ``targets`` are multiplied by it beforehand. ``predictions`` are overwritten.
    """
    calls = Calls()
    if loss == "cross-entropy":
        row = empty(predictions.shape[1:], delta.dtype)
        # NumPy's iterator over arrays of unequal shape takes longer than to repeat the row first.
        rows = empty(delta.shape, delta.dtype)
        # Their product with exponentials is the sum over the scale: one call for both.
        ones = np.full(len(predictions), 1.0 / scale, delta.dtype)
        calls.append(partial(np.maximum.reduce, predictions, 0, None, row))
        calls.copyto(rows, row)
        calls.subtract(predictions, rows, predictions)
        calls.exp(predictions, predictions)
        calls.append(partial(ones.dot, predictions, row))
        calls.copyto(rows, row)
        calls.divide(predictions, rows, delta)
        calls.subtract(delta, targets, delta)
        return calls
    calls.subtract(predictions, targets, delta)
    if loss == "bce":
        one, smallest = np.ones((), delta.dtype), np.array(1e-12, delta.dtype)
        variance = empty(delta.shape, delta.dtype)
        calls.subtract(one, predictions, variance)
        calls.multiply(variance, predictions, variance)
        calls.maximum(variance, smallest, out=variance)
        calls.divide(delta, variance, delta)
    elif loss != "mse":
        calls.sign(delta, delta)
    return calls


def step_calls(
    optimizer: Optimizer, parameters: Array, gradients: Array, state: tuple[Array, ...]
) -> tuple[Calls, tuple[Array, Array]]:
    """Return the calls of a step on flat arrays, and two 0-d arrays for Adam's factors.

    Write the `update.adam_factors` of a step into them before it. For `Sgd`, gradients must be
    multiplied by the rate already. ``gradients`` are overwritten.
    """
    real = parameters.dtype.type
    factor: Array = np.zeros((), real)
    eps: Array = np.zeros((), real)
    calls, decay = Calls(), optimizer.weight_decay
    if decay and isinstance(optimizer, AdamW):
        calls.multiply(parameters, np.array(1.0 - optimizer.rate * decay, real), parameters)
    elif decay:
        rate = optimizer.rate if isinstance(optimizer, Sgd) else 1.0
        calls.add_multiple(gradients, parameters, np.array(rate * decay, real))
    if isinstance(optimizer, Adam):
        mean, square = state
        first, second = (np.array(beta, real) for beta in optimizer.betas)
        calls.multiply(mean, first, mean)
        calls.add(mean, gradients, mean)
        calls.multiply(gradients, gradients, gradients)
        calls.multiply(square, second, square)
        calls.add(square, gradients, square)
        calls.sqrt(square, gradients)
        calls.add(gradients, eps, gradients)
        calls.divide(mean, gradients, gradients)
        calls.multiply(gradients, factor, gradients)
    elif optimizer.momentum:
        (buffer,) = state
        momentum = np.array(optimizer.momentum, real)
        calls.multiply(buffer, momentum, buffer)
        calls.add(buffer, gradients, buffer)
        if optimizer.nesterov:
            calls.add_multiple(gradients, buffer, momentum)
        else:
            gradients = buffer
    calls.subtract(parameters, gradients, parameters)
    return calls, (factor, eps)


def joint_matrices(flat: Array, widths: Sequence[int]) -> list[Array]:
    """Return the matrix of each layer, weights and bias, as views of one flat array."""
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


class InplaceTrainer(Scored):
    """Holds the calls of one iteration: on all rows, or on a batch and on a shorter last one."""

    def __init__(self, problem: Problem, dtype: DType) -> None:
        self._problem, self._dtype = problem, np.dtype(dtype)
        part, optimizer = problem.training_part(), problem.optimizer
        size = (parameter_count(problem),)
        parameters, gradients = empty(size, dtype), empty(size, dtype)
        self._state = tuple(empty(size, dtype) for _ in range(optimizer.state_arrays))
        self._step, self._factors = step_calls(optimizer, parameters, gradients, self._state)
        self._matrices = joint_matrices(parameters, problem.widths)
        self._gradients = joint_matrices(gradients, problem.widths)
        self._arrays = layer_arrays(self._matrices)
        targets = part.targets.astype(dtype)
        if problem.loss == "cross-entropy":
            targets *= self._scale(problem.step_rows)
        self._batches = problem.batches
        if self._batches is None:
            inputs = with_ones(part.inputs.astype(dtype))
            self._whole = self._iteration(inputs, np.ascontiguousarray(targets.T))
        else:
            self._batches.orders  # noqa: B018 made here and not while training
            # Side by side, because each row is fetched from memory: once is enough.
            ones = np.ones((len(targets), 1), dtype)
            self._data = np.concatenate([part.inputs, ones, targets], axis=1, dtype=dtype)
            self._full = self._batch_calls(self._batches.size)
            self._short = self._batch_calls(self._batches.shortest)
        self.reset()

    def train(self, iterations: int) -> None:
        iterations_calls: Iterable[Calls]
        if self._batches is None:
            iterations_calls = repeat(self._whole, iterations)
        else:
            iterations_calls = self._gathered(self._batches, iterations)
        if isinstance(self._problem.optimizer, Adam):
            iterations_calls = self._with_factors(
                iterations_calls, factors_of(self._problem.optimizer, self._done, iterations)
            )
        with np.errstate(over="ignore"):  # as in `numpy_backend`
            for calls in iterations_calls:
                for call in calls:
                    call()
        self._done += iterations

    def reset(self) -> None:
        for array, start in zip(self._arrays, self._problem.start_parameters(), strict=True):
            array[...] = start
        for array in self._state:
            array[...] = 0.0
        self._done = 0

    def parameters(self) -> list[Array]:
        return [array.copy() for array in self._arrays]

    def _predict(self, inputs: Array) -> Array:
        values = inputs.astype(self._dtype)
        outputs: Array = outputs_of(self._problem, numpy_matrices(np), self._arrays, values)
        return outputs

    def _scale(self, rows: int) -> float:
        """Return the scale of the slope for a batch of ``rows``; for `Sgd` the rate included."""
        is_linear = isinstance(self._problem.optimizer, Sgd)
        return step_scale(self._problem, rows, with_rate=is_linear)

    def _iteration(self, inputs: Array, targets: Array) -> Calls:
        """Return the calls of an iteration.

        ``inputs`` are (rows, features + 1), with a column of ones; ``targets`` (outputs, rows). The
        delta of a hidden layer has a column for the ones, which nothing reads.
        """
        problem, rows, dtype = self._problem, len(inputs), self._dtype
        scale, factor = self._scale(problem.step_rows), self._scale(rows)
        if problem.loss == "cross-entropy":
            factor /= scale  # which the targets hold
        entering = [
            inputs,
            *(with_ones(np.zeros((rows, width), dtype)) for width in problem.hidden),
        ]
        outputs, last_delta = (empty((problem.outputs, rows), dtype) for _ in range(2))
        deltas = [*(empty(signal.shape, dtype) for signal in entering[1:]), last_delta]
        last = len(problem.layers) - 1
        calls = Calls()
        damps: list[Calls] = []
        for index, layer in enumerate(problem.layers):
            below, matrix = entering[index], self._matrices[index]
            values = outputs if index == last else entering[index + 1]
            if index == last:
                calls.product(matrix, below.T, outputs)
            else:
                calls.product(below, matrix, values[:, :-1])
            activate, damp = activation_calls(layer.activation, values, deltas[index])
            calls += activate
            damps.append(damp)
            if index < last and layer.activation in ("sigmoid", "tanh"):
                ones = values[:, -1]
                calls.copyto(ones, np.ones_like(ones))
        calls += slope_calls(problem.loss, outputs, targets, last_delta, scale)
        if factor != 1.0:
            if self._batches is None and not last:  # only the inputs are multiplied with the slope
                entering[0] = inputs * np.array(factor, dtype)
            else:
                calls.multiply(last_delta, np.array(factor, dtype), last_delta)
        for index in reversed(range(last + 1)):
            delta, matrix, below = deltas[index], self._matrices[index], entering[index]
            calls += damps[index]
            if index == last:
                calls.product(delta, below, self._gradients[index])
                delta, matrix = delta.T, matrix.T
            else:
                delta = delta[:, :-1]
                calls.product(below.T, delta, self._gradients[index])
            if index:
                calls.product(delta, matrix.T, deltas[index - 1])
        calls += self._step
        return calls

    def _batch_calls(self, rows: int) -> tuple[Array, Calls]:
        """Return an array to gather a batch into, and the calls that train on it."""
        outputs = self._problem.outputs
        batch = empty((rows, self._data.shape[1]), self._dtype)
        targets = empty((outputs, rows), self._dtype)
        calls = Calls()
        calls.copyto(targets, batch[:, -outputs:].T)
        calls += self._iteration(batch[:, :-outputs], targets)
        return batch, calls

    def _gathered(self, batches: Batches, iterations: int) -> Iterator[Calls]:
        """Gather the next batches one by one; yield the calls that train on each."""
        orders, size, take = batches.orders, batches.size, self._data.take
        full, short = self._full, self._short
        for begin, end in batches.spans(self._done, iterations):
            batch, calls = full if end - begin == size else short
            take(orders[begin:end], 0, batch, "clip")  # "raise" would copy the result
            yield calls

    def _with_factors(
        self, iterations_calls: Iterable[Calls], numbers: Iterable[Any]
    ) -> Iterator[Calls]:
        """Write Adam's factors of each step before yielding its calls."""
        factor, eps = self._factors
        for calls, (factor_now, eps_now) in zip(iterations_calls, numbers, strict=True):
            factor[()], eps[()] = factor_now, eps_now
            yield calls


class InplaceBackend(NumpyBackend):
    """Trains every problem that `numpy` trains."""

    name = "numpy-inplace"
    summary = "NumPy, gradients derived by hand, nothing allocated while training"
    one_model = True
    ladder_step = LadderStep("allocations: every array is there before the loop", after="numpy")

    def _trainer(self, problem: Problem, dtype: DType) -> InplaceTrainer:
        return InplaceTrainer(problem, dtype)


BACKEND = InplaceBackend()
