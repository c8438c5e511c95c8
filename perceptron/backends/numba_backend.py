"""Numba: the whole loop compiled, nothing of Python left in it.

A small network is trained by the very loop that the `python` backend interprets: its variables
become registers. A larger one would make too much source of that; it is trained by `descent`,
which loops over layers and leaves the products to BLAS: SciPy's, whose threads are not NumPy's.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from perceptron import optional
from perceptron.backends.numpy_trainer import NumpyTrainer
from perceptron.backends.protocol import LadderStep, Trainer
from perceptron.backends.python_backend import LoopTrainer, scale_of, sgd_of, turns_of
from perceptron.backends.shared.compiled_layers import (
    ACTIVATIONS,
    LOSSES,
    LoopArrays,
    compiled,
    descent,
)
from perceptron.backends.shared.loop_source import Loop, LoopForm, loop_function
from perceptron.backends.shared.threads import thread_variables
from perceptron.problems.cost import parameter_count, products
from perceptron.problems.datasets import Array
from perceptron.problems.problem import DType, Problem

# Measured on x86-64: up to about these sizes the loop with a variable for each parameter wins.
# With 32 parameters it takes a second to compile, with 128 most of a minute.
MOST_VARIABLES = 32
MOST_PRODUCTS = 4096  # floating-point operations of an iteration's matrix products


@lru_cache(maxsize=32)
def _written_out(form: LoopForm, dtype: DType) -> Loop:
    return compiled(loop_function(form, np.dtype(dtype).type))


class WrittenOutTrainer(LoopTrainer):
    """A variable for each parameter."""

    def __init__(self, problem: Problem, dtype: DType) -> None:
        super().__init__(problem, dtype)
        real = np.dtype(dtype).type
        # Copies, which all have one type: some of the columns are read-only.
        self._columns = tuple(np.array(column) for column in self._columns)
        self._scale_of_all = real(self._scale_of_all)
        self._numbers = tuple(real(number) for number in self._numbers)
        if self._turns is not None:
            begins, ends, scales, orders = self._turns
            self._turns = begins, ends, scales.astype(dtype), orders
        self._loop = _written_out(self._form, dtype)

    def _values(self, arrays: tuple[Array, ...]) -> tuple[Any, ...]:
        return tuple(value for array in arrays for value in array)  # not lists: of the dtype


class LayeredTrainer(NumpyTrainer):
    """Arrays for all layers, allocated once.

    A batch is gathered by its indices in the timed loop, whatever the problem's ``feed``: the host
    is the device.
    """

    def __init__(self, problem: Problem, dtype: DType) -> None:
        optimizer = sgd_of(problem)
        super().__init__(problem, dtype)
        real, rows, batches = np.dtype(dtype).type, problem.step_rows, self._batches
        values = np.empty(rows * sum(problem.widths), dtype)
        begins, ends = np.zeros(1, np.int64), np.full(1, rows)
        scales, orders = np.full(1, scale_of(problem, rows)), np.empty(0, np.int64)
        if batches is None:
            values[: self._inputs.size] = self._inputs.ravel()
        else:
            begins, ends, scales, orders = turns_of(problem, batches)
        self._arrays = LoopArrays(
            widths=np.array(problem.widths),
            activations=np.array([ACTIVATIONS.index(layer.activation) for layer in problem.layers]),
            parameters=self._network.parameters,
            gradients=self._network.gradients,
            buffer=self._state[0] if self._state else np.empty(0, dtype),
            signals=values,
            deltas=np.empty(rows * sum(problem.widths[1:]), dtype),
            targets=self._targets[:rows].copy(),
            ones=np.ones(rows, dtype),
            all_inputs=self._inputs,
            all_targets=self._targets,
            begins=begins,
            ends=ends,
            scales=scales.astype(dtype),
            orders=orders,
            loss=LOSSES.index(problem.loss),
            nesterov=optimizer.nesterov,
            momentum=real(optimizer.momentum),
            decay=real(optimizer.rate * optimizer.weight_decay),
            one=real(1.0),
            smallest=real(1e-12),
        )
        self._descend = descent()

    def train(self, iterations: int) -> None:
        self._descend(self._arrays, self._iteration, iterations)
        self._iteration += iterations


class NumbaBackend:
    """Trains every problem that `numpy` trains by sgd."""

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
