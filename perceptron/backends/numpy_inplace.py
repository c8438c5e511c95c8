"""NumPy that allocates nothing while it trains: a list of calls, fixed when it is prepared.

The arithmetic is that of `gradient.descend`, with every array made beforehand and every operation
given the array for its result. Signals lie transposed, (width, rows), on top of a row of ones, so
that weights and bias of a layer are one matrix (fan out, fan in + 1) and their gradients one
product.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import repeat

import numpy as np

from perceptron.backends.numpy_backend import NumpyBackend, NumpyTrainer
from perceptron.backends.protocol import LadderStep
from perceptron.backends.shared.gradient import Network, step_scale
from perceptron.problems.datasets import Array
from perceptron.problems.problem import Activation, DType, Loss, Problem

Call = Callable[[], object]


class InplaceTrainer(NumpyTrainer):
    """Holds the calls of one iteration; the arrays of its network are views of theirs."""

    def __init__(self, problem: Problem, dtype: DType) -> None:
        inputs, targets = problem.dataset.load()
        self._start = [array.astype(dtype) for array in problem.start_parameters()]
        signals = [np.ones((width + 1, len(inputs)), dtype) for width in problem.widths]
        signals[0][:-1] = inputs.T
        joints = [np.empty((bias.size, len(weights) + 1), dtype) for weights, bias in self._pairs()]
        self._network = Network(
            inputs=signals[0][:-1].T,
            targets=targets.astype(dtype),
            ones=signals[0][-1],
            parameters=[view for joint in joints for view in (joint[:, :-1].T, joint[:, -1])],
            activations=tuple(layer.activation for layer in problem.layers),
            loss=problem.loss,
            rate=problem.rate,
        )
        self._calls = _iteration(self._network, signals, joints)
        self.reset()

    def train(self, iterations: int) -> None:
        calls = self._calls
        with np.errstate(over="ignore"):  # as in `numpy_backend`
            for _ in repeat(None, iterations):
                for call in calls:
                    call()

    def _pairs(self) -> list[tuple[Array, Array]]:
        return list(zip(self._start[::2], self._start[1::2], strict=True))


def _iteration(network: Network, signals: list[Array], joints: list[Array]) -> list[Call]:
    """Return the calls of one step; ``signals`` are inputs and each layer's outputs, ones below."""
    values = [signal[:-1] for signal in signals]
    deltas = [np.empty_like(layer_values) for layer_values in values[1:]]
    one = np.ones((), signals[0].dtype)
    calls: list[Call] = []
    for below, joint, output, activation in zip(
        signals[:-1], joints, values[1:], network.activations, strict=True
    ):
        calls += [partial(joint.dot, below, output), *_ACTIVATE[activation](output, one)]
    scale = one * step_scale(network.loss, network.rate, len(network.targets))
    targets = network.targets.reshape(1, -1)
    calls += [partial(np.subtract, values[-1], targets, deltas[-1])]
    calls += _SLOPE[network.loss](deltas[-1], values[-1], one)
    inputs = signals[0]
    if len(joints) == 1:  # nothing but the inputs is multiplied with the slope
        inputs = inputs * scale
    else:
        calls += [partial(np.multiply, deltas[-1], np.asarray(scale), deltas[-1])]
    for index in reversed(range(len(joints))):
        delta, joint, gradient = deltas[index], joints[index], np.empty_like(joints[index])
        calls += _DAMP[network.activations[index]](delta, values[index + 1], one)
        if index:
            calls += [_down(joint[:, :-1].T, delta, deltas[index - 1])]
        calls += [
            partial(delta.dot, (signals[index] if index else inputs).T, gradient),
            partial(np.subtract, joint, gradient, joint),
        ]
    return calls


def _down(weights: Array, delta: Array, below: Array) -> Call:
    # Weights of several neurons lie with biases in between, and `dot` would copy them; calling
    # `matmul` takes 0.2 µs more.
    return partial(weights.dot if len(delta) == 1 else partial(np.matmul, weights), delta, below)


def _sigmoid(values: Array, one: Array) -> list[Call]:
    return [
        partial(np.negative, values, values),
        partial(np.exp, values, values),
        partial(np.add, values, one, values),
        partial(np.reciprocal, values, values),
    ]


def _damp_sigmoid(delta: Array, output: Array, one: Array) -> list[Call]:
    return [
        partial(np.multiply, delta, output, delta),
        partial(np.subtract, one, output, output),
        partial(np.multiply, delta, output, delta),
    ]


def _damp_tanh(delta: Array, output: Array, one: Array) -> list[Call]:
    return [
        partial(np.multiply, output, output, output),
        partial(np.subtract, one, output, output),
        partial(np.multiply, delta, output, delta),
    ]


def _damp_relu(delta: Array, output: Array, one: Array) -> list[Call]:
    return [partial(np.sign, output, output), partial(np.multiply, delta, output, delta)]


def _bce_slope(delta: Array, predictions: Array, one: Array) -> list[Call]:
    variance, smallest = np.empty_like(delta), np.asarray(1e-12 * one)
    return [
        partial(np.subtract, one, predictions, variance),
        partial(np.multiply, variance, predictions, variance),
        partial(np.maximum, variance, smallest, out=variance),
        partial(np.divide, delta, variance, delta),
    ]


_ACTIVATE: dict[Activation, Callable[[Array, Array], list[Call]]] = {
    "sigmoid": _sigmoid,
    "tanh": lambda values, one: [partial(np.tanh, values, values)],
    "relu": lambda values, one: [partial(np.maximum, values, np.zeros_like(one), out=values)],
    "identity": lambda values, one: [],
}
# These spoil the output of their layer, which nothing needs after them.
_DAMP: dict[Activation, Callable[[Array, Array, Array], list[Call]]] = {
    "sigmoid": _damp_sigmoid,
    "tanh": _damp_tanh,
    "relu": _damp_relu,
    "identity": lambda delta, output, one: [],
}
_SLOPE: dict[Loss, Callable[[Array, Array, Array], list[Call]]] = {
    "l1-sum": lambda delta, predictions, one: [partial(np.sign, delta, delta)],
    "l1-mean": lambda delta, predictions, one: [partial(np.sign, delta, delta)],
    "mse": lambda delta, predictions, one: [],
    "bce": _bce_slope,
}


class InplaceBackend(NumpyBackend):
    """Trains every problem that `numpy` trains."""

    name = "numpy-inplace"
    summary = "NumPy, gradients derived by hand, nothing allocated while training"
    rung = LadderStep("allocations: every array is there before the loop", after="numpy")

    def prepare(self, problem: Problem, dtype: DType) -> InplaceTrainer:
        trainer = InplaceTrainer(problem, dtype)
        trainer.train(2)  # warm up, as `numpy` does
        trainer.reset()
        return trainer


BACKEND = InplaceBackend()
