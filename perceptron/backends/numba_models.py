"""Numba, several models at once: a parallel loop over models around the loop of one.

Each model takes all steps of a call before its thread takes the next one, so that what it works on
stays in registers or in the nearest cache. No model's arithmetic depends on how many there are, or
on how many threads share them. The loops are those of one model: written out for small networks,
and over layers with products by BLAS for others. That BLAS has one thread in each of ours.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

from perceptron.backends.numba_layers import settings_of
from perceptron.backends.protocol import Evaluation
from perceptron.backends.python_backend import scale_of, sgd_of, turns_of
from perceptron.backends.shared.compiled_layers import LoopArrays, compiled
from perceptron.backends.shared.compiled_models import descent_of_models
from perceptron.backends.shared.evaluation import evaluate
from perceptron.backends.shared.loop_source import LoopForm, loop_function
from perceptron.backends.shared.predict import predict
from perceptron.problems.datasets import Array
from perceptron.problems.problem import DType, Problem

# Between what two threads write, so that no cache line is both's.
_CACHE_LINE = 64


class NumbaModels:
    """Holds the parameters of all models, each one's together; subclasses train.

    A batch is gathered by its indices in the timed loop, whatever the problem's ``feed``: the host
    is the device.
    """

    def __init__(self, problem: Problem, dtype: DType) -> None:
        self._optimizer = sgd_of(problem)
        self._problem, self._batches = problem, problem.batches
        stacked = [array.reshape(problem.models, -1) for array in problem.stacked_start()]
        self._start = np.concatenate(stacked, axis=1).astype(dtype)
        # (parameters and momentum's buffer, models, parameters of one)
        kept = 1 + self._optimizer.state_arrays
        self._states = np.zeros((kept, *self._start.shape), dtype)
        self._ends = np.cumsum([array.shape[1] for array in stacked])
        part = problem.parts()[0]
        # (data sets, rows, columns): one data set, or each model's own
        self._inputs, self._targets = (
            values.astype(dtype).reshape(-1, *values.shape[-2:])
            for values in (part.inputs, part.targets)
        )
        self.reset()

    def train(self, iterations: int) -> None:
        raise NotImplementedError

    def reset(self) -> None:
        self._states[0] = self._start
        self._states[1:] = 0.0
        self._iteration = 0

    def loss(self) -> float:
        return self.evaluate().train.loss

    def evaluate(self) -> Evaluation:
        parameters = self.parameters()
        return evaluate(self._problem, lambda inputs: predict(self._problem, parameters, inputs))

    def parameters(self) -> list[Array]:
        arrays = np.split(self._states[0].copy(), self._ends[:-1], axis=1)
        widths, models = self._problem.widths, self._problem.models
        return [
            # Weights and biases take turns.
            array if index % 2 else array.reshape(models, widths[index // 2], -1)
            for index, array in enumerate(arrays)
        ]


class WrittenOutModels(NumbaModels):
    """A variable for each parameter of the model at hand."""

    def __init__(self, problem: Problem, dtype: DType) -> None:
        super().__init__(problem, dtype)
        optimizer, real = self._optimizer, np.dtype(dtype).type
        self._numbers = real(optimizer.momentum), real(optimizer.rate * optimizer.weight_decay)
        # (columns, data sets, rows)
        columns = np.concatenate([self._inputs, self._targets], axis=2)
        self._columns = np.ascontiguousarray(np.moveaxis(columns, 2, 0))
        self._scale_of_all = real(scale_of(problem, problem.step_rows))
        self._turns: tuple[Any, ...] | None = None
        if self._batches is not None:
            begins, ends, scales, orders = turns_of(problem, self._batches)
            self._turns = begins, ends, scales.astype(dtype), orders
        self._loop = _written_out(LoopForm.of(problem, optimizer), dtype)

    def train(self, iterations: int) -> None:
        turns = (*self._turns, self._iteration) if self._turns else self._scale_of_all
        self._loop(self._columns, self._states, *self._numbers, turns, iterations)
        self._iteration += iterations


class LayeredModels(NumbaModels):
    """Arrays for all layers of the model at hand, allocated once for each thread."""

    def __init__(self, problem: Problem, dtype: DType) -> None:
        import scipy.linalg.cython_blas  # noqa: F401 its BLAS is Numba's, and among the pools below
        from numba import get_num_threads

        super().__init__(problem, dtype)
        threads = min(get_num_threads(), problem.models)
        rows, outputs = problem.step_rows, problem.outputs
        padding = _CACHE_LINE // np.dtype(dtype).itemsize

        def of_each_thread(size: int) -> Array:
            return np.zeros((threads, size + padding), dtype)

        self._arrays = LoopArrays(
            parameters=self._states[0],
            gradients=of_each_thread(self._start.shape[1]),
            buffer=self._states[-1],  # the parameters where there is no momentum: then not used
            signals=of_each_thread(rows * sum(problem.widths)),
            deltas=of_each_thread(rows * sum(problem.widths[1:])),
            targets=np.zeros((threads, rows + padding, outputs), dtype),
            all_inputs=self._inputs,
            all_targets=self._targets,
            **settings_of(problem, dtype),
        )
        self._descend = descent_of_models(self._arrays)
        self._pools = ThreadpoolController()

    def train(self, iterations: int) -> None:
        # A pool of BLAS in each of our threads would have them wait for each other.
        with self._pools.limit(limits=1, user_api="blas"):
            self._descend(self._arrays, self._iteration, iterations)
        self._iteration += iterations


@lru_cache(maxsize=32)
def _written_out(form: LoopForm, dtype: DType) -> Callable[..., None]:
    """Compile the loop over models; see `_source`."""
    from numba import prange

    loop = compiled(loop_function(form, np.dtype(dtype).type))
    names: dict[str, Any] = {"loop": loop, "prange": prange}
    exec(_source(form), names)  # noqa: S102 the source is our own
    return compiled(names["train"], parallel=True)


def _source(form: LoopForm) -> str:
    """Write the source of a loop over models called ``train``, around a `Loop` called ``loop``.

    It takes what that takes, but ``columns`` (columns, data sets, rows) and ``states`` (parameters
    and momentum's buffers, models, parameters of one), in which it leaves the parameters as they
    then are.
    """
    columns = form.widths[0] + form.widths[-1]
    own = [f"columns[{number}, data_set]" for number in range(columns)]
    values = [
        f"states[{kept}, model, {number}]"
        for kept in range(2 if form.momentum else 1)
        for number in range(len(form.parameters))
    ]
    return f"""
def train(columns, states, momentum, decay, turns, iterations):
    for model in prange(states.shape[1]):
        data_set = model % columns.shape[1]
        own = ({", ".join(own)},)
        values = ({", ".join(values)},)
        ({", ".join(values)},) = loop(own, values, momentum, decay, turns, iterations)
"""
