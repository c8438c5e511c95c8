"""A training that takes a backend's gradients, and batches and steps of its own.

So a mistake can be put anywhere into the training of any backend, whatever that is made of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from perceptron.backends.protocol import Backend, Evaluation
from perceptron.backends.shared.evaluation import evaluate, predict
from perceptron.backends.shared.gradient import views
from perceptron.backends.shared.update import adam_factors, start_state, update
from perceptron.problems.batches import Indices
from perceptron.problems.datasets import Array, Dataset, Part
from perceptron.problems.held_out import OfEachModel
from perceptron.problems.optimizer import Adam, Sgd
from perceptron.problems.problem import DType, Problem
from perceptron.problems.start import GivenStart

# A power of two, so that dividing by it is exact, and so large that of a step from any parameter
# hardly more than the gradient is left.
_RATE = 2.0**16


def start_of(problem: Problem) -> list[Array]:
    """Return the parameters at the start, as `Trainer.parameters` gives them."""
    return problem.stacked_start() if problem.models > 1 else problem.start_parameters()


def arrays_of(problem: Problem, values: Array) -> list[Array]:
    """Return views of a flat array, as `start_of` has them."""
    return views(values, problem.widths, problem.models if problem.models > 1 else None)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Rows(Dataset):
    """Rows of another data set, already loaded."""

    part: Part

    def parts(self) -> tuple[Part, None]:
        return self.part, None


class _RowsOfEach(_Rows, OfEachModel):
    """The same, of each of several models."""

    def of_model(self, index: int) -> Dataset:
        inputs, targets = self.part
        return _rows(_Rows, self, Part(inputs[index], targets[index]))


class Gradients:
    """What ``backend`` computes as the gradient: read off one plain step of it."""

    def __init__(self, backend: Backend, dtype: DType) -> None:
        self.backend, self.dtype = backend, dtype

    def __call__(self, problem: Problem, parameters: Array, rows: Indices | None) -> Array:
        """Return the gradient at these parameters, flat as they are, on these rows or all."""
        start = GivenStart(tuple(arrays_of(problem, parameters)))
        step = replace(
            problem,
            dataset=problem.dataset if rows is None else _taken(problem.dataset, rows),
            optimizer=Sgd(rate=_RATE),
            batch=None,
            feed="resident",
            start=start,
        )
        with np.errstate(all="ignore"):  # a backend that warms up takes several such steps
            trainer = self.backend.prepare(step, self.dtype)
            before = flat(trainer.parameters())
            trainer.train(1)
        return (before - flat(trainer.parameters())) / _RATE


class Driver:
    """A trainer in float64 but for its gradients; mutants override what they get wrong."""

    def __init__(self, gradients: Gradients, problem: Problem) -> None:
        self.problem = problem
        self.gradients = gradients
        self.batches = problem.batches
        self.start = flat(start_of(problem))
        self.values = self.start.copy()
        self.state = start_state(np, problem.optimizer, self.values)
        self.steps = self.iteration = 0

    def train(self, iterations: int) -> None:
        for _ in range(iterations):
            rows = self.rows(self.iteration)
            gradient = self.gradient(rows)
            self.iteration += 1
            self.steps += 1
            self.step(gradient)

    def reset(self) -> None:
        self.values = self.start.copy()
        self.reset_state()
        self.reset_position()

    def loss(self) -> float:
        return self.evaluate().train.loss

    def evaluate(self) -> Evaluation:
        return evaluate(
            self.problem,
            lambda inputs: predict(self.problem, arrays_of(self.problem, self.values), inputs),
        )

    def parameters(self) -> list[Array]:
        return [array.copy() for array in arrays_of(self.problem, self.values)]

    def reset_state(self) -> None:
        self.state = start_state(np, self.problem.optimizer, self.values)
        self.steps = 0

    def reset_position(self) -> None:
        self.iteration = 0

    def rows(self, iteration: int) -> Indices | None:
        """Return the rows of an iteration's batch; None for all."""
        return None if self.batches is None else self.batches.indices(iteration)

    def gradient(self, rows: Indices | None) -> Array:
        return self.gradients(self.problem, self.values, rows)

    def step(self, gradient: Array) -> None:
        """Take step number ``steps``, counted from 1."""
        optimizer = self.problem.optimizer
        factors = self.factors(optimizer) if isinstance(optimizer, Adam) else None
        update(np, optimizer, self.values, gradient, self.state, factors)

    def factors(self, optimizer: Adam) -> tuple[float, float]:
        """Return `adam_factors` of this step."""
        return adam_factors(optimizer, self.steps)


def flat(arrays: Sequence[Array]) -> Array:
    """Return the values of all arrays one after the other, float64."""
    return np.concatenate([np.asarray(array, np.float64).ravel() for array in arrays])


def _taken(dataset: Dataset, rows: Indices) -> Dataset:
    inputs, targets = dataset.load()
    kind = _RowsOfEach if isinstance(dataset, OfEachModel) else _Rows
    return _rows(kind, dataset, Part(inputs[..., rows, :], targets[..., rows, :]))


def _rows(kind: type[_Rows], dataset: Dataset, part: Part) -> Dataset:
    return kind(
        name=dataset.name,
        rows=part.inputs.shape[-2],
        features=dataset.features,
        class_names=dataset.class_names,
        part=part,
    )
