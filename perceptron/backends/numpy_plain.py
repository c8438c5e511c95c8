"""NumPy as a textbook writes it: an array for each layer, and the optimizer's step on each array.

Every temporary is a new array, and every operation is looked up in NumPy. The next variant of the
ladder is `numpy`, with the optimizations.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from perceptron.backends.numpy_backend import NumpyBackend
from perceptron.backends.numpy_trainer import typed
from perceptron.backends.protocol import LadderStep, Unsupported
from perceptron.backends.shared.evaluation import Scored
from perceptron.problems.datasets import Array
from perceptron.problems.optimizer import Adam, AdamW
from perceptron.problems.problem import Activation, DType, Loss, Problem


def activate(values: Array, activation: Activation) -> Array:
    """Return A(values)."""
    outputs = values
    if activation == "sigmoid":
        outputs = 1 / (1 + np.exp(-values))
    elif activation == "tanh":
        outputs = np.tanh(values)
    elif activation == "relu":
        outputs = np.maximum(values, 0)
    return outputs


def through(error: Array, outputs: Array, activation: Activation) -> Array:
    """Return error · A', with A' in terms of the ``outputs`` of A."""
    if activation == "sigmoid":
        error = error * outputs * (1 - outputs)
    elif activation == "tanh":
        error = error * (1 - outputs**2)
    elif activation == "relu":
        error = error * (outputs > 0)
    return error


def loss_gradient(predictions: Array, targets: Array, loss: Loss) -> Array:
    """Return ∂E/∂predictions, (rows, outputs)."""
    if loss == "cross-entropy":
        exponentials = np.exp(predictions - predictions.max(axis=1, keepdims=True))
        probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
        gradient: Array = (probabilities - targets) / len(targets)
        return gradient
    gradient = predictions - targets
    if loss == "mse":
        return 2 * gradient / gradient.size
    if loss == "bce":
        # As torch.nn.BCELoss does, so that a saturated prediction gives a finite gradient.
        variance = np.maximum(predictions * (1 - predictions), 1e-12)
        return gradient / variance / gradient.size
    gradient = np.sign(gradient)
    return gradient if loss == "l1-sum" else gradient / gradient.size


class PlainTrainer(Scored):
    """One model of any number of layers."""

    def __init__(self, problem: Problem, dtype: DType) -> None:
        self._problem, self._dtype = problem, np.dtype(dtype)
        self._inputs, self._targets = typed(problem, dtype)
        self._batches = problem.batches
        self._activations = [layer.activation for layer in problem.layers]
        self.reset()

    def reset(self) -> None:
        arrays = [array.astype(self._dtype) for array in self._problem.start_parameters()]
        self._arrays = arrays
        self._layers = list(zip(arrays[::2], arrays[1::2], self._activations, strict=True))
        # Momentum, or Adam's two averages, of each array.
        self._state = [[np.zeros_like(array) for array in arrays] for _ in range(2)]
        self._iteration = 0

    def train(self, iterations: int) -> None:
        # exp(-y) may overflow to inf for a saturated sigmoid; 1/(1 + inf) = 0 is the right answer.
        with np.errstate(over="ignore"):
            for inputs, targets in self._next_batches(iterations):
                outputs = self._forward(inputs)
                gradients = self._backward(outputs, targets)
                self._iteration += 1
                self._step(gradients)

    def _next_batches(self, iterations: int) -> Iterator[tuple[Array, Array]]:
        if self._batches is None:
            for _ in range(iterations):
                yield self._inputs, self._targets
            return
        for begin, end in self._batches.spans(self._iteration, iterations):
            rows = self._batches.orders[begin:end]
            yield self._inputs[rows], self._targets[rows]

    def _forward(self, inputs: Array) -> list[Array]:
        """Return the inputs and the outputs of each layer."""
        outputs = [inputs]
        for weights, bias, activation in self._layers:
            outputs.append(activate(outputs[-1] @ weights + bias, activation))
        return outputs

    def _backward(self, outputs: list[Array], targets: Array) -> list[Array]:
        """Return the gradients of weights and bias of each layer, in the parameters' order."""
        gradients: list[Array] = []
        error = loss_gradient(outputs[-1], targets, self._problem.loss)
        for layer in reversed(range(len(self._layers))):
            weights, _, activation = self._layers[layer]
            delta = through(error, outputs[layer + 1], activation)
            gradients = [outputs[layer].T @ delta, delta.sum(axis=0), *gradients]
            if layer:
                error = delta @ weights.T
        return gradients

    def _step(self, gradients: list[Array]) -> None:
        optimizer, decay = self._problem.optimizer, self._problem.optimizer.weight_decay
        rate, arrays = optimizer.rate, self._arrays
        if isinstance(optimizer, AdamW):
            for array in arrays:
                array -= rate * decay * array
        elif decay:
            gradients = [g + decay * array for g, array in zip(gradients, arrays, strict=True)]
        if isinstance(optimizer, Adam):
            self._adam(optimizer, arrays, gradients)
            return
        for index, (array, gradient) in enumerate(zip(arrays, gradients, strict=True)):
            if optimizer.momentum:
                velocity = optimizer.momentum * self._state[0][index] + gradient
                self._state[0][index] = velocity
                if optimizer.nesterov:
                    gradient = gradient + optimizer.momentum * velocity
                else:
                    gradient = velocity
            array -= rate * gradient

    def _adam(self, optimizer: Adam, arrays: list[Array], gradients: list[Array]) -> None:
        (beta1, beta2), (means, squares) = optimizer.betas, self._state
        for i, (array, gradient) in enumerate(zip(arrays, gradients, strict=True)):
            means[i] = beta1 * means[i] + (1 - beta1) * gradient
            squares[i] = beta2 * squares[i] + (1 - beta2) * gradient**2
            mean = means[i] / (1 - beta1**self._iteration)
            square = squares[i] / (1 - beta2**self._iteration)
            array -= optimizer.rate * mean / (np.sqrt(square) + optimizer.eps)

    def _predict(self, inputs: Array) -> Array:
        return self._forward(inputs.astype(self._dtype))[-1]

    def parameters(self) -> list[Array]:
        return [array.copy() for array in self._arrays]


class PlainBackend(NumpyBackend):
    """Trains one model of any kind."""

    name = "numpy-plain"
    summary = "NumPy as a textbook writes it: an array for each layer and each temporary"
    ladder_step = LadderStep(
        "the framework: NumPy, as a textbook writes it", after="torch-cpu-manual"
    )

    def require(self, problem: Problem, dtype: DType) -> None:
        """Raise `Unsupported` for several models."""
        if problem.models > 1:
            raise Unsupported("trains one model, as a textbook does")

    def _trainer(self, problem: Problem, dtype: DType) -> PlainTrainer:
        return PlainTrainer(problem, dtype)


BACKEND = PlainBackend()
