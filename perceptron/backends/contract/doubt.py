"""What is not known of a training, because rounding decides it: found out in float64.

Plain steps carry rounding on as it is. `Movement` says which of Adam's cannot be known, and a
training with such errors in its gradients shows what they make of all the others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from perceptron.backends.contract.driver import Driver, Gradients, flat
from perceptron.backends.contract.movement import Movement
from perceptron.backends.contract.rounding import gradients
from perceptron.backends.protocol import Backend, Trainer
from perceptron.backends.shared.gradient import views
from perceptron.problems.batches import Indices
from perceptron.problems.datasets import Array, Part
from perceptron.problems.optimizer import Adam, AdamW
from perceptron.problems.problem import DTYPES, DType, Problem

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Doubt:
    """What a dtype leaves in doubt."""

    known: list[Mask]
    """For each array of parameters which of its values are known."""
    twin: Trainer
    """A training that other rounding made of the same problem; it stands where that leaves it."""


def follow(
    problem: Problem,
    optimizer: Adam,
    backend: Backend,
    trainer: Trainer,
    iterations: int,
    tolerance: dict[DType, float],
) -> dict[DType, Doubt]:
    """Train ``trainer``, of ``backend`` in float64; return doubts of dtypes that have any.

    A value is known if what is not known of its movement is within the dtype's ``tolerance``, as a
    share of its array's root mean square movement. Then the same holds for all of them together.
    """
    start, part, batches = trainer.parameters(), problem.training_part(), problem.batches
    size = sum(array.size for array in start)
    movements = {dtype: Movement(optimizer, size, _eps(dtype)) for dtype in DTYPES}
    errors = []
    for iteration in range(iterations):
        rows = slice(None) if batches is None else batches.indices(iteration)
        batch = Part(part.inputs[rows], part.targets[rows])
        gradient, error = _with_decay(problem, optimizer, trainer.parameters(), batch)
        errors.append(error)
        for movement in movements.values():
            movement.step(gradient, error)
        trainer.train(1)
    moved = [end - begin for begin, end in zip(start, trainer.parameters(), strict=True)]
    doubts = {}
    for dtype, movement in movements.items():
        known = [
            error <= tolerance[dtype] * np.sqrt((movement**2).mean())
            for error, movement in zip(views(movement.error, problem.widths), moved, strict=True)
        ]
        if not all(mask.all() for mask in known):
            twin = _Shaken(Gradients(backend, "float64"), problem, errors, _eps(dtype))
            twin.train(iterations)
            doubts[dtype] = Doubt(known, twin)
    return doubts


def _with_decay(
    problem: Problem, optimizer: Adam, parameters: list[Array], batch: Part
) -> tuple[Array, Array]:
    """Return the gradient and its error in eps, both flat, with the decay that is part of it."""
    rounded = gradients(problem, parameters, batch)
    gradient = flat([array.values for array in rounded])
    error = flat([array.error for array in rounded])
    if optimizer.weight_decay and not isinstance(optimizer, AdamW):
        values = optimizer.weight_decay * flat(parameters)
        gradient += values
        error += np.abs(values)
    return gradient, error


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
