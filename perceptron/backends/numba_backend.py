"""Numba: the whole loop compiled, nothing of Python left in it.

A small network is trained by the very loop that the `python` backend interprets: its variables
become registers. A larger one would make too much source of that; it is trained by `descent`,
which loops over layers and leaves the products to BLAS: SciPy's, whose threads are not NumPy's.
Several models at once are trained by the same loops, in parallel: see `numba_models`.
"""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Any

import numpy as np

from perceptron import optional
from perceptron.backends.numba_layers import LayeredTrainer
from perceptron.backends.numba_models import LayeredModels, WrittenOutModels
from perceptron.backends.protocol import LadderStep, Trainer
from perceptron.backends.python_backend import LoopTrainer, sgd_of
from perceptron.backends.shared.compiled_layers import compiled
from perceptron.backends.shared.loop_source import Loop, LoopForm, loop_function
from perceptron.backends.shared.threads import thread_variables
from perceptron.problems.cost import parameter_count, products
from perceptron.problems.datasets import Array
from perceptron.problems.problem import DType, Problem

# Measured on x86-64: up to about these sizes the loop with a variable for each parameter wins.
# With 32 parameters it takes a second to compile, with 128 most of a minute.
MOST_VARIABLES = 32
MOST_PRODUCTS = 4096  # floating-point operations of an iteration's matrix products

# The one layer that comes with Numba everywhere and survives a fork: after GNU OpenMP's threads
# have run, a forked child that starts a parallel loop is ended.
_THREADING_LAYER = "workqueue"


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


class NumbaBackend:
    """Trains every problem that `numpy` trains by sgd."""

    name = "numba"
    compiles = True
    device = "cpu"
    summary = "Numba: the whole loop compiled"
    rung = LadderStep(
        "everything but the arithmetic: one compiled loop over plain arrays", after="jax-cpu"
    )
    rung_of_models = LadderStep(
        "a call for each model: a parallel loop over them", after="numba-sequential"
    )
    published_dtype: DType = "float64"
    imports = ("numba", "scipy.linalg.cython_blas")

    def unavailable(self) -> str | None:
        return optional.missing("numba")

    def environment(self, threads: int) -> dict[str, str]:
        return thread_variables(threads) | {
            "NUMBA_NUM_THREADS": str(threads),
            "NUMBA_THREADING_LAYER": os.environ.get("NUMBA_THREADING_LAYER", _THREADING_LAYER),
        }

    def require(self, problem: Problem, dtype: DType) -> None:
        """Raise `Unsupported` for an optimizer other than sgd."""
        sgd_of(problem)

    def prepare(self, problem: Problem, dtype: DType) -> Trainer:
        models = problem.models
        few = (
            parameter_count(problem) <= models * MOST_VARIABLES
            and products(problem) <= models * MOST_PRODUCTS
        )
        trainer: Trainer
        if models > 1:
            trainer = (WrittenOutModels if few else LayeredModels)(problem, dtype)
        else:
            trainer = (WrittenOutTrainer if few else LayeredTrainer)(problem, dtype)
        trainer.train(2)  # compiles, and starts the thread pool of BLAS
        trainer.reset()
        return trainer


BACKEND = NumbaBackend()
