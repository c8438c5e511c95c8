"""Trainers with one mistake each, for `mutants`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from perceptron.backends.contract.driver import Driver, Gradients, arrays_of, flat, start_of
from perceptron.backends.protocol import Evaluation
from perceptron.backends.shared.evaluation import predict
from perceptron.problems.batches import Indices
from perceptron.problems.datasets import Array, Dataset, Part
from perceptron.problems.held_out import OfEachModel
from perceptron.problems.optimizer import Adam
from perceptron.problems.problem import DType, Problem
from perceptron.problems.start import Start

Kind = Callable[[Gradients, Problem], Driver]


def scaled(factor: float) -> Kind:
    """Return what multiplies the loss, and with it the gradient, by ``factor``."""

    class Scaled(Driver):
        def gradient(self, rows: Indices | None) -> Array:
            return factor * super().gradient(rows)

        def loss(self) -> float:
            return factor * super().loss()

    return Scaled


def times(factor: float, *indices: int) -> Kind:
    """Return what multiplies the gradients of these arrays of parameters by ``factor``."""

    class Times(Driver):
        def gradient(self, rows: Indices | None) -> Array:
            gradient = super().gradient(rows)
            for index in indices:
                arrays_of(self.problem, gradient)[index][...] *= factor
            return gradient

    return Times


def stale(index: int) -> Kind:
    """Return what never moves this array."""

    class Stale(Driver):
        def step(self, gradient: Array) -> None:
            array = arrays_of(self.problem, self.values)[index]
            before = array.copy()
            super().step(gradient)
            array[...] = before

    return Stale


def dropped(index: int) -> Kind:
    """Return what has zeros in place of this array."""

    class Dropped(Driver):
        def reset(self) -> None:
            super().reset()
            self._drop()

        def step(self, gradient: Array) -> None:
            super().step(gradient)
            self._drop()

        def _drop(self) -> None:
            arrays_of(self.problem, self.values)[index][...] = 0.0

    return Dropped


def short_divided_by(rows_of_a_batch: int) -> Kind:
    """Return what takes the mean over a short batch as if it had the rows of a whole one."""

    class WholeBatch(Driver):
        def gradient(self, rows: Indices | None) -> Array:
            assert rows is not None
            return len(rows) / rows_of_a_batch * super().gradient(rows)

    return WholeBatch


class PlainSoftmax(Driver):
    """Exponentiates values as they are."""

    def gradient(self, rows: Indices | None) -> Array:
        gradient = super().gradient(rows)
        if _overflow(self.problem, self.values, rows, self.gradients.dtype):
            gradient *= np.nan  # inf/inf
        return gradient


class NoBiasCorrection(Driver):
    """Takes Adam's averages as they are, small as they begin."""

    def factors(self, optimizer: Adam) -> tuple[float, float]:
        # The rule keeps M = m/(1 − β₁) and V = v/(1 − β₂).
        first, second = optimizer.betas
        root = (1.0 - second) ** 0.5
        return optimizer.rate * (1.0 - first) / root, optimizer.eps / root


class EpsInside(Driver):
    """Steps along m/√(v + eps)."""

    def step(self, gradient: Array) -> None:
        optimizer = self.problem.optimizer
        assert isinstance(optimizer, Adam)
        super().step(gradient)
        first, second = optimizer.betas
        mean, square = self.state
        mean = mean * (1.0 - first) / (1.0 - first**self.steps)
        square = square * (1.0 - second) / (1.0 - second**self.steps)
        # What decay did stays; the step is taken again.
        self.values += optimizer.rate * mean / (np.sqrt(square) + optimizer.eps)
        self.values -= optimizer.rate * mean / np.sqrt(square + optimizer.eps)


class StateKept(Driver):
    """Resets the parameters and the count of steps, not the averages."""

    def reset_state(self) -> None:
        self.steps = 0


class StepsKept(Driver):
    """Counts on over a reset."""

    def reset_state(self) -> None:
        steps = self.steps
        super().reset_state()
        self.steps = steps


class PositionKept(Driver):
    """Goes on with the next batch after a reset."""

    def reset_position(self) -> None:
        pass


class OffByOne(Driver):
    """Begins with the second batch."""

    def rows(self, iteration: int) -> Indices | None:
        return super().rows(iteration + 1)


class StaleBatch(Driver):
    """Trains on the batch before, once more on the first."""

    def rows(self, iteration: int) -> Indices | None:
        return super().rows(max(iteration - 1, 0))


class OneOrder(Driver):
    """Takes the batches of the first epoch in every epoch."""

    def rows(self, iteration: int) -> Indices | None:
        return super().rows(iteration % self.problem.iterations_per_epoch)


class SummedOverModels(Driver):
    """Moves every model along the sum of all their gradients."""

    def gradient(self, rows: Indices | None) -> Array:
        gradient = super().gradient(rows)
        for array in arrays_of(self.problem, gradient):
            array[...] = array.sum(axis=0)
        return gradient


class LastModelSkipped(Driver):
    """Trains all models but the last."""

    def gradient(self, rows: Indices | None) -> Array:
        gradient = super().gradient(rows)
        for array in arrays_of(self.problem, gradient):
            array[-1] = 0.0
        return gradient


@dataclass(frozen=True)
class OneStart(Start):
    """Where the first model starts, for all models."""

    start: Start

    def parameters(self, widths: Sequence[int]) -> list[Array]:
        return self.start.parameters(widths)

    def of_model(self, index: int) -> Start:
        return self.start


@dataclass(frozen=True, kw_only=True, eq=False)
class OneFold(OfEachModel):
    """The rows of the first model, for all models."""

    of_all: OfEachModel

    def parts(self) -> tuple[Part, Part | None]:
        train, held_out = self.of_all.parts()
        return _of_the_first(train), None if held_out is None else _of_the_first(held_out)

    def of_model(self, index: int) -> Dataset:
        return self.of_all.of_model(0)


def _of_the_first(part: Part) -> Part:
    inputs, targets = (array[[0] * len(array)] for array in part)
    return Part(inputs, targets)


class WrongPart(Driver):
    """Evaluates the training part where the held-out part is asked for."""

    def evaluate(self) -> Evaluation:
        evaluation = super().evaluate()
        return replace(evaluation, test=evaluation.train)


def overflows(problem: Problem) -> bool:
    """Return whether exponentials of the first batch overflow without their maximum taken off."""
    if problem.loss != "cross-entropy":
        return False
    batches = problem.batches
    rows = None if batches is None else batches.indices(0)
    return _overflow(problem, flat(start_of(problem)), rows, "float64")


def _overflow(problem: Problem, values: Array, rows: Indices | None, dtype: DType) -> bool:
    inputs = problem.training_part().inputs
    outputs = predict(problem, arrays_of(problem, values), inputs if rows is None else inputs[rows])
    return bool(outputs.max() > np.log(np.finfo(dtype).max))
