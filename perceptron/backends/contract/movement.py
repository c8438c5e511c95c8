"""How far Adam's steps are known: an error for every parameter, from those of its gradients.

Adam divides a gradient by its own size: its first step is the rate times the gradient's sign. Where
rounding can turn that sign, nobody can say where a narrower type leaves the parameter; only the
gradient in float64 shows which parameters these are.
"""

from __future__ import annotations

import numpy as np

from perceptron.problems.datasets import Array
from perceptron.problems.optimizer import Adam


class Movement:
    """Sums up, step by step, what rounding to a type may change in the movement of parameters."""

    def __init__(self, optimizer: Adam, parameters: int, eps: float) -> None:
        self._optimizer, self._eps = optimizer, eps
        self._mean, self._square, self._mean_error, self._square_error = np.zeros((4, parameters))
        self._steps = 0
        self.error = np.zeros(parameters)
        """How far each parameter may be off, (parameters,), rounding of its own value left out."""

    def step(self, gradient: Array, error: Array) -> None:
        """Add the step along this gradient, of an error in eps; both have the coupled decay."""
        optimizer, error = self._optimizer, self._eps * error
        first, second = optimizer.betas
        _average(self._mean, first, gradient)
        _average(self._mean_error, first, error)
        _average(self._square, second, gradient**2)
        _average(self._square_error, second, (2.0 * np.abs(gradient) + error) * error)
        self._steps += 1
        self.error += optimizer.rate * self._step_error()

    def _step_error(self) -> Array:
        """Return how far m/(√v + eps), corrected for bias, may be off."""
        optimizer, steps = self._optimizer, self._steps
        of_means, of_squares = (1.0 - beta**steps for beta in optimizer.betas)
        mean, mean_error = np.abs(self._mean) / of_means, self._mean_error / of_means
        square, square_error = self._square / of_squares, self._square_error / of_squares
        root = np.sqrt(square) + optimizer.eps
        smallest_root = np.sqrt(np.maximum(square - square_error, 0.0)) + optimizer.eps
        largest_root = np.sqrt(square + square_error) + optimizer.eps
        shortest = mean - mean_error
        with np.errstate(divide="ignore", invalid="ignore"):
            step = mean / root
            up = (mean + mean_error) / smallest_root - step
            down = step - shortest / np.where(shortest > 0.0, largest_root, smallest_root)
        error = np.minimum(np.maximum(up, down), 2.0 * longest_step(optimizer, steps))
        return np.where(mean_error > 0.0, error, 0.0)


def longest_step(optimizer: Adam, steps: int) -> float:
    """Return the largest m/√v that any gradients give, by the inequality of Cauchy and Schwarz."""
    ages = np.arange(steps)
    first, second = ((1.0 - beta) * beta**ages / (1.0 - beta**steps) for beta in optimizer.betas)
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.sqrt(np.where(first > 0.0, first**2 / second, 0.0).sum()))


def _average(average: Array, beta: float, values: Array) -> None:
    average *= beta
    average += (1.0 - beta) * values
