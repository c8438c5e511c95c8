"""Numba: the whole training loop compiled.

A small network is trained by the loop that the `python` backend interprets: its variables become
registers. That loop's source would be too long for a larger network, which is trained by `descent`:
it loops over layers and leaves the products to SciPy's BLAS, whose threads are not NumPy's.

Several models are trained by the same loops, in a parallel loop over models. Each model takes all
steps of a call before its thread takes the next model, so that its values stay in registers or in
the nearest cache. A model's arithmetic does not depend on the number of models or threads. BLAS has
one thread in each thread of the loop.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

from perceptron import optional
from perceptron.backends.numpy_backend import NumpyBackend
from perceptron.backends.numpy_trainer import NumpyTrainer
from perceptron.backends.protocol import LadderStep, Trainer, thread_variables
from perceptron.backends.python_backend import (
    Loop,
    LoopForm,
    LoopTrainer,
    arguments_of,
    loop_function,
    scale_of,
    sgd_of,
    turns_of,
)
from perceptron.backends.shared.compiled_layers import (
    ACTIVATIONS,
    LOSSES,
    LoopArrays,
    Settings,
    compiled,
    descent,
)
from perceptron.backends.shared.evaluation import Scored, predict
from perceptron.backends.shared.gradient import views
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
# Bytes between arrays of two threads, so that they share no cache line.
_CACHE_LINE = 64


@lru_cache(maxsize=32)
def _written_out(form: LoopForm, dtype: DType) -> Loop:
    return compiled(loop_function(form, np.dtype(dtype).type))


class WrittenOutTrainer(LoopTrainer):
    """Trains by the loop with a variable for each parameter."""

    def __init__(self, problem: Problem, dtype: DType) -> None:
        super().__init__(problem, dtype)
        # Copies, which all have one Numba type: some of the columns are read-only.
        self._columns = tuple(np.array(column) for column in self._columns)
        self._loop = _written_out(self._form, dtype)

    def _values(self, arrays: tuple[Array, ...]) -> tuple[Any, ...]:
        return tuple(value for array in arrays for value in array)  # scalars of the dtype


class LayeredTrainer(NumpyTrainer):
    """Trains by `descent`, on arrays for all layers that are allocated once."""

    several = False

    def __init__(self, problem: Problem, dtype: DType) -> None:
        self._settings = settings_of(problem, dtype)
        super().__init__(problem, dtype)
        rows = problem.step_rows
        signals = np.empty(rows * sum(problem.widths), dtype)
        if self._batches is None:
            signals[: self._inputs.size] = self._inputs.ravel()
        self._arrays = LoopArrays(
            parameters=self._parameters,
            gradients=self._gradients,
            buffer=self._state[0] if self._state else np.empty(0, dtype),
            signals=signals,
            deltas=np.empty(rows * sum(problem.widths[1:]), dtype),
            targets=self._targets[:rows].copy(),
            all_inputs=self._inputs,
            all_targets=self._targets,
        )
        self._descend = descent()

    def train(self, iterations: int) -> None:
        self._descend(self._settings, self._arrays, self._iteration, iterations)
        self._iteration += iterations


def settings_of(problem: Problem, dtype: DType) -> Settings:
    """Return the constants of a problem's training.

    Raises `Unsupported` for an optimizer other than sgd.
    """
    optimizer, real, rows = sgd_of(problem), np.dtype(dtype).type, problem.step_rows
    begins, ends = np.zeros(1, np.int64), np.full(1, rows)
    scales, orders = np.full(1, scale_of(problem, rows)), np.empty(0, np.int64)
    if problem.batches is not None:
        begins, ends, scales, orders = turns_of(problem, problem.batches)
    return Settings(
        widths=np.array(problem.widths),
        activations=np.array([ACTIVATIONS.index(layer.activation) for layer in problem.layers]),
        ones=np.ones(rows, dtype),
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


@lru_cache(maxsize=8)
def _descents(settings_type: Any, arrays_type: Any) -> tuple[Callable[..., None], ...]:
    """Compile `descent` over a thread's share of models, and a parallel loop over the threads.

    Arrays that a thread writes have an axis of threads in front: ``gradients``, ``signals``,
    ``deltas`` and ``targets``. ``parameters`` and ``buffer`` are (models, size), ``all_inputs`` and
    ``all_targets`` (data sets, rows, columns) with one data set, or one for each model.

    The second function takes the first as an address. Otherwise Numba would compile the first again
    for each of the functions that it makes of a parallel loop.
    """
    from numba import prange, types

    descend = descent()

    def train_share(
        settings: Settings,
        arrays: LoopArrays,
        thread: int,
        threads: int,
        first: int,
        iterations: int,
    ) -> None:
        models = len(arrays.parameters)
        data_sets, rows, features = arrays.all_inputs.shape
        begin, end = thread * models // threads, (thread + 1) * models // threads
        signals, targets = arrays.signals[thread], arrays.targets[thread]
        for model in range(begin, end):
            data_set = model % data_sets
            all_inputs, all_targets = arrays.all_inputs[data_set], arrays.all_targets[data_set]
            if len(settings.orders) == 0 and (data_sets > 1 or model == begin):
                for row in range(rows):
                    for j in range(features):
                        signals[row * features + j] = all_inputs[row, j]
                    for j in range(all_targets.shape[1]):
                        targets[row, j] = all_targets[row, j]
            model_arrays = LoopArrays(
                arrays.parameters[model],
                arrays.gradients[thread],
                arrays.buffer[model],
                signals,
                arrays.deltas[thread],
                targets,
                all_inputs,
                all_targets,
            )
            descend(settings, model_arrays, first, iterations)

    def train_all(
        settings: Settings,
        arrays: LoopArrays,
        train_share: Callable[..., None],
        first: int,
        iterations: int,
    ) -> None:
        threads = len(arrays.gradients)
        for thread in prange(threads):
            train_share(settings, arrays, np.int64(thread), threads, first, iterations)

    integer, common = types.int64, (settings_type, arrays_type)
    of_share = types.void(*common, integer, integer, integer, integer)
    of_all = types.void(*common, types.FunctionType(of_share), integer, integer)
    return compiled(train_share, of_share), compiled(train_all, of_all, parallel=True)


class NumbaModels(Scored):
    """Holds the parameters of all models, each model's adjacent; subclasses train."""

    def __init__(self, problem: Problem, dtype: DType) -> None:
        self._optimizer = sgd_of(problem)
        self._problem, self._batches = problem, problem.batches
        stacked = [array.reshape(problem.models, -1) for array in problem.stacked_start()]
        self._start = np.concatenate(stacked, axis=1).astype(dtype)
        # (parameters and momentum's buffer, models, parameters of one)
        count = 1 + self._optimizer.state_arrays
        self._states = np.zeros((count, *self._start.shape), dtype)
        part = problem.parts()[0]
        # (data sets, rows, columns): one data set, or one for each model
        self._inputs, self._targets = (
            values.astype(dtype).reshape(-1, *values.shape[-2:])
            for values in (part.inputs, part.targets)
        )
        self.reset()

    def reset(self) -> None:
        self._states[0] = self._start
        self._states[1:] = 0.0
        self._iteration = 0

    def _predict(self, inputs: Array) -> Array:
        return predict(self._problem, self.parameters(), inputs)

    def parameters(self) -> list[Array]:
        return [array.copy() for array in views(self._states[0], self._problem.widths)]


class WrittenOutModels(NumbaModels):
    """Trains each model by the loop with a variable for each parameter."""

    def __init__(self, problem: Problem, dtype: DType) -> None:
        super().__init__(problem, dtype)
        self._numbers, self._turns = arguments_of(problem, dtype)
        # (columns, data sets, rows)
        columns = np.concatenate([self._inputs, self._targets], axis=2)
        self._columns = np.ascontiguousarray(np.moveaxis(columns, 2, 0))
        self._loop = _written_out_models(LoopForm.of(problem, self._optimizer), dtype)

    def train(self, iterations: int) -> None:
        turns = self._turns if self._batches is None else (*self._turns, self._iteration)
        self._loop(self._columns, self._states, *self._numbers, turns, iterations)
        self._iteration += iterations


class LayeredModels(NumbaModels):
    """Trains each model by `descent`, on arrays that are allocated once for each thread."""

    def __init__(self, problem: Problem, dtype: DType) -> None:
        import scipy.linalg.cython_blas  # noqa: F401 its BLAS is Numba's, and among the pools below
        from numba import get_num_threads, typeof

        super().__init__(problem, dtype)
        threads = min(get_num_threads(), problem.models)
        rows, outputs = problem.step_rows, problem.outputs
        padding = _CACHE_LINE // np.dtype(dtype).itemsize

        def of_each_thread(size: int) -> Array:
            return np.zeros((threads, size + padding), dtype)

        self._arrays = LoopArrays(
            parameters=self._states[0],
            gradients=of_each_thread(self._start.shape[1]),
            buffer=self._states[-1],  # without momentum these are the parameters, and not used
            signals=of_each_thread(rows * sum(problem.widths)),
            deltas=of_each_thread(rows * sum(problem.widths[1:])),
            targets=np.zeros((threads, rows + padding, outputs), dtype),
            all_inputs=self._inputs,
            all_targets=self._targets,
        )
        self._settings = settings_of(problem, dtype)
        kinds = map(typeof, (self._settings, self._arrays))
        self._share, self._descend = _descents(*kinds)
        self._pools = ThreadpoolController()

    def train(self, iterations: int) -> None:
        # With a pool of BLAS threads in each, the loop's threads would wait for each other.
        with self._pools.limit(limits=1, user_api="blas"):
            arguments = (self._settings, self._arrays, self._share)
            self._descend(*arguments, self._iteration, iterations)
        self._iteration += iterations


@lru_cache(maxsize=32)
def _written_out_models(form: LoopForm, dtype: DType) -> Callable[..., None]:
    """Compile the loop over models, see `_source`."""
    from numba import prange

    loop = compiled(loop_function(form, np.dtype(dtype).type))
    names: dict[str, Any] = {"loop": loop, "prange": prange}
    exec(_source(form), names)  # noqa: S102 the source is our own
    return compiled(names["train"], parallel=True)


def _source(form: LoopForm) -> str:
    """Return the source of a loop over models called ``train``, around a `Loop` called ``loop``.

    It has the arguments of ``loop``, except ``columns`` (columns, data sets, rows) and ``states``
    (parameters and momentum's buffers, models, parameters of a model), which it updates in place.
    """
    columns = form.widths[0] + form.widths[-1]
    columns_of_row = [f"columns[{number}, data_set]" for number in range(columns)]
    values = [
        f"states[{array}, model, {number}]"
        for array in range(2 if form.momentum else 1)
        for number in range(len(form.parameters))
    ]
    return f"""
def train(columns, states, momentum, decay, turns, iterations):
    for model in prange(states.shape[1]):
        data_set = model % columns.shape[1]
        own = ({", ".join(columns_of_row)},)
        values = ({", ".join(values)},)
        ({", ".join(values)},) = loop(own, values, momentum, decay, turns, iterations)
"""


class NumbaBackend(NumpyBackend):
    """Trains every problem that `numpy` trains by sgd."""

    name = "numba"
    compiles = True
    summary = "Numba: the whole loop compiled"
    ladder_step = LadderStep(
        "everything but the arithmetic: one compiled loop over plain arrays", after="jax-cpu"
    )
    ladder_step_of_models = LadderStep(
        "a call for each model: a parallel loop over them", after="numba-sequential"
    )
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

    def _trainer(self, problem: Problem, dtype: DType) -> Trainer:
        models = problem.models
        is_small = (
            parameter_count(problem) <= models * MOST_VARIABLES
            and products(problem) <= models * MOST_PRODUCTS
        )
        if models > 1:
            return (WrittenOutModels if is_small else LayeredModels)(problem, dtype)
        return (WrittenOutTrainer if is_small else LayeredTrainer)(problem, dtype)


BACKEND = NumbaBackend()
