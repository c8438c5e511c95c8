"""Plain Python: floats in local variables and a loop over the rows, no library in the loop.

The source of the loop is written for the network at hand: `loop_source`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from perceptron.backends.numpy_backend import NumpyBackend
from perceptron.backends.numpy_trainer import NumpyTrainer
from perceptron.backends.protocol import LadderStep, Unsupported
from perceptron.backends.shared.gradient import step_scale
from perceptron.backends.shared.loop_source import Loop, LoopForm, loop_function
from perceptron.problems.batches import Batches
from perceptron.problems.cost import operations, parameter_count
from perceptron.problems.datasets import Array
from perceptron.problems.optimizer import Sgd
from perceptron.problems.problem import DType, Problem

# At about 12 ns an operation, an iteration stays below 10 ms.
MOST_OPERATIONS = 750_000
# At about 100 µs to compile a parameter's part of the loop, preparing stays below half a second.
MOST_PARAMETERS = 4096

_loop = lru_cache(maxsize=32)(loop_function)


class LoopTrainer(NumpyTrainer):
    """Trains by a written-out loop, which subclasses set.

    Holds its parameters in NumPy arrays between two trainings, and in variables during one.
    Batches are gathered row by row.
    """

    several = False
    _loop: Loop

    def __init__(self, problem: Problem, dtype: DType) -> None:
        optimizer = sgd_of(problem)
        super().__init__(problem, dtype)
        self._columns: Any = [*self._inputs.T, *self._targets.T]
        self._form = LoopForm.of(problem, optimizer)
        self._numbers, self._turns = arguments_of(problem, dtype)

    def train(self, iterations: int) -> None:
        arrays = (self._parameters, *self._state)
        turns = self._turns if self._batches is None else (*self._turns, self._iteration)
        values = self._loop(self._columns, self._values(arrays), *self._numbers, turns, iterations)
        for array, part in zip(arrays, np.reshape(values, (len(arrays), -1)), strict=True):
            array[...] = part
        self._iteration += iterations

    def _values(self, arrays: tuple[Array, ...]) -> tuple[Any, ...]:
        return tuple(value for array in arrays for value in array.tolist())


class PythonTrainer(LoopTrainer):
    """Python's own numbers in Python's own lists."""

    def __init__(self, problem: Problem, dtype: DType) -> None:
        super().__init__(problem, dtype)
        self._loop = _loop(self._form)
        self._columns = [column.tolist() for column in self._columns]
        self._numbers = [number.item() for number in self._numbers]
        if self._batches is None:
            self._turns = self._turns.item()
        else:
            self._turns = [array.tolist() for array in self._turns]


def sgd_of(problem: Problem) -> Sgd:
    """Return the problem's optimizer; raise `Unsupported` if it is another than `Sgd`."""
    if not isinstance(problem.optimizer, Sgd):
        raise Unsupported(f"trains by sgd only, not by {problem.optimizer.kind}")
    return problem.optimizer


def arguments_of(problem: Problem, dtype: DType) -> tuple[Any, Any]:
    """Return a `Loop`'s numbers, of this dtype, and its ``turns`` but for the first to take."""
    optimizer, real = sgd_of(problem), np.dtype(dtype).type
    numbers = real(optimizer.momentum), real(optimizer.rate * optimizer.weight_decay)
    if problem.batches is None:
        return numbers, real(scale_of(problem, problem.step_rows))
    begins, ends, scales, orders = turns_of(problem, problem.batches)
    return numbers, (begins, ends, scales.astype(dtype), orders)


def scale_of(problem: Problem, rows: int) -> float:
    """Return what scales the slope on so many rows, the rate included."""
    return step_scale(problem, rows, with_rate=True)


def turns_of(problem: Problem, batches: Batches) -> tuple[Any, ...]:
    """Return where each batch of a cycle begins and ends in the orders, its scale, the orders."""
    bounds = np.array(list(batches.spans(0, batches.cycle)))
    begins, ends = np.ascontiguousarray(bounds.T)
    full, short = (scale_of(problem, rows) for rows in (batches.size, batches.shortest))
    return begins, ends, np.where(ends - begins == batches.size, full, short), batches.orders


class PythonBackend(NumpyBackend):
    """Trains what it can in reasonable time, by sgd, in float64; its loop takes one thread."""

    name = "python"
    summary = "Python floats, a loop written out for the network, no library"
    rung = LadderStep("arrays: plain numbers, in Python's own loop", after="torch-cpu-compiled")

    def require(self, problem: Problem, dtype: DType) -> None:
        """Raise `Unsupported` for what it does not train, or not in reasonable time."""
        sgd_of(problem)
        if dtype != "float64":
            raise Unsupported(f"Python floats have 64 bits: no {dtype}")
        if operations(problem) > MOST_OPERATIONS:
            raise Unsupported(
                f"{operations(problem):,} operations an iteration, at most {MOST_OPERATIONS:,} are "
                "taken: Python would take over 10 ms for them"
            )
        if parameter_count(problem) > MOST_PARAMETERS:
            raise Unsupported(
                f"{parameter_count(problem):,} parameters, at most {MOST_PARAMETERS:,} are taken: "
                "each is a variable in the source of the loop"
            )

    def _trainer(self, problem: Problem, dtype: DType) -> PythonTrainer:
        return PythonTrainer(problem, dtype)


BACKEND = PythonBackend()
