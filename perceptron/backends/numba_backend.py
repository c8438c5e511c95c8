"""Numba: the whole loop compiled, nothing of Python left in it.

A small network is trained by the very loop that the `python` backend interprets: its variables
become registers. A larger one would make too much source of that; it is trained by `_descend`,
which loops over layers and leaves the products to BLAS: SciPy's, whose threads are not NumPy's.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from perceptron import optional
from perceptron.backends.numpy_backend import NumpyTrainer
from perceptron.backends.protocol import LadderStep, Trainer
from perceptron.backends.python_backend import Loop, columns, loop_function, write_back
from perceptron.backends.shared.gradient import step_scale
from perceptron.backends.shared.threads import thread_variables
from perceptron.problems.cost import parameter_count, products
from perceptron.problems.datasets import Array
from perceptron.problems.problem import Activation, DType, Loss, Problem

# Measured on x86-64: up to about these sizes the loop with a variable for each parameter wins.
# With 32 parameters it takes a second to compile, with 128 most of a minute.
MOST_VARIABLES = 32
MOST_PRODUCTS = 4096  # floating-point operations of an iteration's matrix products

# Compiled code knows activations and losses by their index here.
_ACTIVATIONS: tuple[Activation, ...] = ("identity", "sigmoid", "tanh", "relu")
_LOSSES: tuple[Loss, ...] = ("l1-sum", "l1-mean", "mse", "bce")
_SIGMOID, _TANH, _RELU = 1, 2, 3
_L1_MEAN, _BCE = 1, 3


class _Arrays(NamedTuple):
    """What `_descend` works on.

    The arrays of all layers lie one after another in one, so that they have one type and the code
    is compiled once for any depth. Layer k has ``widths[k]`` inputs and ``widths[k + 1]`` outputs.
    """

    widths: Array
    activations: Array
    parameters: Array  # weights 1, bias 1, weights 2, …
    gradients: Array
    signals: Array  # the inputs, then the output of each layer
    deltas: Array  # ∂E/∂y of each layer
    targets: Array
    ones: Array
    loss: int
    # Numbers of the dtype in use: a literal would turn float32 into float64.
    scale: Any
    one: Any
    smallest: Any


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


def _slope(arrays: _Arrays, predictions: Array, delta: Array) -> None:
    for row in range(delta.shape[0]):
        for j in range(delta.shape[1]):
            f = predictions[row, j]
            slope = f - arrays.targets[row, 0]
            if arrays.loss <= _L1_MEAN:
                slope = np.sign(slope)
            elif arrays.loss == _BCE:
                slope /= max((arrays.one - f) * f, arrays.smallest)
            delta[row, j] = arrays.scale * slope


def _matrix(values: Array, start: int, rows: int, width: int) -> Array:
    return values[start : start + rows * width].reshape(rows, width)


@lru_cache(maxsize=1)
def _descend() -> Callable[[_Arrays, int], None]:
    """Compile what `gradient.descend` does; NumPy's functions stand for Numba's here."""
    activate, damp = _compiled(_activate), _compiled(_damp)
    slope, matrix = _compiled(_slope), _compiled(_matrix)

    def descend(arrays: _Arrays, iterations: int) -> None:
        rows, depth = len(arrays.ones), len(arrays.activations)
        for _ in range(iterations):
            entering = parameter = 0  # where the layer's inputs and parameters begin
            for k in range(depth):
                fan_in, fan_out = arrays.widths[k], arrays.widths[k + 1]
                signal = matrix(arrays.signals, entering, rows, fan_in)
                weights = matrix(arrays.parameters, parameter, fan_in, fan_out)
                entering += rows * fan_in
                parameter += fan_in * fan_out
                bias = arrays.parameters[parameter : parameter + fan_out]
                parameter += fan_out
                output = matrix(arrays.signals, entering, rows, fan_out)
                np.dot(signal, weights, output)
                activate(arrays.activations[k], output, bias, arrays.one)
            leaving = len(arrays.deltas)  # where the deltas of the layer above begin
            for k in range(depth - 1, -1, -1):
                fan_in, fan_out = arrays.widths[k], arrays.widths[k + 1]
                leaving -= rows * fan_out
                delta = matrix(arrays.deltas, leaving, rows, fan_out)
                output = matrix(arrays.signals, entering, rows, fan_out)
                entering -= rows * fan_in
                signal = matrix(arrays.signals, entering, rows, fan_in)
                if k == depth - 1:
                    slope(arrays, output, delta)
                damp(arrays.activations[k], delta, output, arrays.one)
                parameter -= fan_out
                np.dot(arrays.ones, delta, arrays.gradients[parameter : parameter + fan_out])
                parameter -= fan_in * fan_out
                gradient = matrix(arrays.gradients, parameter, fan_in, fan_out)
                np.dot(signal.T, delta, gradient)
                if k > 0:
                    weights = matrix(arrays.parameters, parameter, fan_in, fan_out)
                    below = matrix(arrays.deltas, leaving - rows * fan_in, rows, fan_in)
                    np.dot(delta, weights.T, below)
            for index in range(len(arrays.parameters)):
                arrays.parameters[index] -= arrays.gradients[index]

    return _compiled(descend)


@lru_cache(maxsize=32)
def _written_out(
    widths: tuple[int, ...], activations: tuple[Activation, ...], loss: Loss, dtype: DType
) -> Loop:
    return _compiled(loop_function(widths, activations, loss, np.dtype(dtype).type))


def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    from numba import njit

    # Sums may be reordered and fused with products, as BLAS does; NaN and infinity keep their
    # meaning, so that a training that diverges shows.
    compile_it = njit(fastmath={"contract", "reassoc"}, error_model="numpy")
    compiled: Callable[..., Any] = compile_it(function)
    return compiled


class WrittenOutTrainer(NumpyTrainer):
    """A variable for each parameter."""

    def __init__(self, problem: Problem, dtype: DType) -> None:
        super().__init__(problem, dtype)
        network = self._network
        self._columns = tuple(np.ascontiguousarray(column) for column in columns(network))
        scale = step_scale(network.loss, network.rate, len(network.targets))
        self._scale: Any = np.dtype(dtype).type(scale)
        self._loop = _written_out(problem.widths, network.activations, network.loss, dtype)

    def train(self, iterations: int) -> None:
        arrays = self._network.parameters
        values = tuple(value for array in arrays for value in array.flat)
        write_back(self._loop(self._columns, values, self._scale, iterations), arrays)


class LayeredTrainer(NumpyTrainer):
    """Arrays for all layers, allocated once."""

    def __init__(self, problem: Problem, dtype: DType) -> None:
        super().__init__(problem, dtype)
        network, real = self._network, np.dtype(dtype).type
        rows, outputs = len(network.targets), sum(problem.widths[1:])
        parameters = np.concatenate([array.ravel() for array in self._start])
        self._arrays = _Arrays(
            widths=np.array(problem.widths),
            activations=np.array([_ACTIVATIONS.index(name) for name in network.activations]),
            parameters=parameters,
            gradients=np.empty_like(parameters),
            signals=np.concatenate([network.inputs.ravel(), np.empty(rows * outputs, dtype)]),
            deltas=np.empty(rows * outputs, dtype),
            targets=network.targets,
            ones=network.ones,
            loss=_LOSSES.index(network.loss),
            scale=real(step_scale(network.loss, network.rate, rows)),
            one=real(1.0),
            smallest=real(1e-12),
        )
        # What is inherited looks at the same memory.
        ends = np.cumsum([array.size for array in self._start])
        self._network = replace(
            network,
            inputs=self._arrays.signals[: network.inputs.size].reshape(network.inputs.shape),
            parameters=[
                parameters[end - start.size : end].reshape(start.shape)
                for start, end in zip(self._start, ends, strict=True)
            ],
        )
        self._descend = _descend()

    def train(self, iterations: int) -> None:
        self._descend(self._arrays, iterations)


class NumbaBackend:
    """Trains every problem that `numpy` trains."""

    name = "numba"
    compiles = True
    device = "cpu"
    summary = "Numba: the whole loop compiled"
    rung = LadderStep(
        "everything but the arithmetic: one compiled loop over plain arrays", after="jax-cpu"
    )
    published_dtype: DType = "float64"
    imports = ("numba", "scipy.linalg.cython_blas")

    def unavailable(self) -> str | None:
        return optional.missing("numba")

    def environment(self, threads: int) -> dict[str, str]:
        return thread_variables(threads) | {"NUMBA_NUM_THREADS": str(threads)}

    def prepare(self, problem: Problem, dtype: DType) -> Trainer:
        few = parameter_count(problem) <= MOST_VARIABLES and products(problem) <= MOST_PRODUCTS
        trainer = (WrittenOutTrainer if few else LayeredTrainer)(problem, dtype)
        trainer.train(2)  # compiles, and starts the thread pool of BLAS
        trainer.reset()
        return trainer


BACKEND = NumbaBackend()
