"""What is not known of a training, because rounding decides it: found out in float64.

Plain steps carry rounding on as it is. Adam divides a gradient by its own size: its first step is
the rate times the gradient's sign. Where rounding can turn that sign, the parameter in
a narrower type cannot be predicted; only the gradient in float64 shows which parameters these are.

`Movement` says which of Adam's cannot be known, and a
training with such errors in its gradients shows what they make of all the others. Several models
are followed at once, and each is judged by itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from perceptron.backends.contract.driver import Driver, Gradients, arrays_of, flat
from perceptron.backends.contract.quantities import ITERATIONS, TOLERANCE, Mask
from perceptron.backends.contract.rounding import Rounded, gradients
from perceptron.backends.protocol import Backend, Trainer
from perceptron.problems.batches import Indices
from perceptron.problems.datasets import Array, Part
from perceptron.problems.optimizer import Adam, AdamW
from perceptron.problems.problem import DTYPES, DType, Problem

# Of one layer's signals: so many stay in a cache of two megabytes with those beside them.
_VALUES_AT_ONCE = 2**16


@dataclass(frozen=True)
class Doubt:
    """What a dtype leaves in doubt."""

    known: list[Mask]
    """For each array of parameters which of its values are known."""
    twin: Trainer
    """A training that other rounding made of the same problem; it stands where that leaves it."""


def follow(problem: Problem, backend: Backend, trainer: Trainer) -> dict[DType, Doubt]:
    """Train ``trainer``, of ``backend`` in float64, ten iterations; return the doubts.

    Dtypes without any are left out: all, where the optimizer is not Adam.

    A value is known if what is not known of its movement is within the dtype's tolerance, as a
    share of the root mean square movement of its array, or of one model's part of it. Then the same
    holds for all of them together.
    """
    optimizer = problem.optimizer
    if not isinstance(optimizer, Adam):
        trainer.train(ITERATIONS)
        return {}
    start, part, batches = trainer.parameters(), problem.parts()[0], problem.batches
    size = sum(array.size for array in start)
    movements = {dtype: Movement(optimizer, size, _eps(dtype)) for dtype in DTYPES}
    errors = []
    for iteration in range(ITERATIONS):
        rows = slice(None) if batches is None else batches.indices(iteration)
        batch = Part(part.inputs[..., rows, :], part.targets[..., rows, :])
        gradient, error = _with_decay(problem, optimizer, trainer.parameters(), batch)
        errors.append(error)
        for movement in movements.values():
            movement.step(gradient, error)
        trainer.train(1)
    moved = [end - begin for begin, end in zip(start, trainer.parameters(), strict=True)]
    doubts = {}
    for dtype, movement in movements.items():
        known = [
            error <= TOLERANCE[dtype] * _root_mean_square(problem, own)
            for error, own in zip(arrays_of(problem, movement.error), moved, strict=True)
        ]
        if not all(mask.all() for mask in known):
            twin = _Shaken(Gradients(backend, "float64"), problem, errors, _eps(dtype))
            twin.train(ITERATIONS)
            doubts[dtype] = Doubt(known, twin)
    return doubts


def _root_mean_square(problem: Problem, values: Array) -> Array:
    """Return that of an array, or of each model's part of it, to compare its values with."""
    axes = tuple(range(1 if problem.models > 1 else 0, values.ndim))
    root: Array = np.sqrt((values**2).mean(axis=axes, keepdims=True))
    return root


def _with_decay(
    problem: Problem, optimizer: Adam, parameters: list[Array], batch: Part
) -> tuple[Array, Array]:
    """Return the gradient and its error in eps, both flat, with the decay that is part of it."""
    rounded = _gradients(problem, parameters, batch)
    gradient = flat([array.values for array in rounded])
    error = flat([array.error for array in rounded])
    if optimizer.weight_decay and not isinstance(optimizer, AdamW):
        values = optimizer.weight_decay * flat(parameters)
        gradient += values
        error += np.abs(values)
    return gradient, error


def _gradients(problem: Problem, parameters: list[Array], batch: Part) -> list[Rounded]:
    """Return `rounding.gradients` of one model or of all, of so many at once as a cache holds."""
    if problem.models == 1:
        return gradients(problem, parameters, batch)
    at_once = max(1, _VALUES_AT_ONCE // (batch.inputs.shape[-2] * max(problem.widths)))
    parts = []
    for begin in range(0, problem.models, at_once):
        models = slice(begin, begin + at_once)
        own = Part(*(array[models] for array in batch)) if batch.inputs.ndim == 3 else batch
        parts.append(gradients(problem, [array[models] for array in parameters], own))
    return [
        Rounded(
            np.concatenate([array.values for array in same]),
            np.concatenate([array.error for array in same]),
        )
        for same in zip(*parts, strict=True)
    ]


class _Shaken(Driver):
    """Adds to each gradient what rounding may add, drawn at random."""

    def __init__(
        self, gradients: Gradients, problem: Problem, errors: list[Array], eps: float
    ) -> None:
        super().__init__(gradients, problem)
        self._errors, self._eps = errors, eps
        self._random = np.random.default_rng(1)

    def gradient(self, rows: Indices | None) -> Array:
        error = self._errors[self.steps]
        noise = self._random.uniform(-self._eps, self._eps, error.shape)
        return super().gradient(rows) + noise * error


def _eps(dtype: DType) -> float:
    return float(np.finfo(dtype).eps)


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
