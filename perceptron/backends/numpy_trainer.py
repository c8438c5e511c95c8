"""Training with NumPy, or with a module of its names: gradients derived by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import repeat
from types import ModuleType
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
import numpy.typing as npt

from perceptron.backends.shared.evaluation import Scored
from perceptron.backends.shared.gradient import (
    Namespace,
    Step,
    batch_of,
    forward,
    network_of,
    slope_scale,
    train,
    whole_batch,
)
from perceptron.backends.shared.update import State, adam_factors, start_state, update
from perceptron.problems.batches import Indices
from perceptron.problems.datasets import Array, Part
from perceptron.problems.optimizer import Adam, Sgd
from perceptron.problems.problem import DType, Problem

ToHost = Callable[[Any], Array]  # an array of a namespace → the same as NumPy's


def with_dot(namespace: ModuleType) -> Namespace:
    """Return an array module whose `matmul` is the arrays' method `dot`.

    On matrices both are the same, and calling NumPy's method takes 0.3 µs less.
    """
    module = ModuleType(namespace.__name__)
    vars(module).update(vars(namespace), matmul=namespace.ndarray.dot)
    return module


NUMPY = with_dot(np)


class NumpyTrainer(Scored):
    """See `gradient.train` and `update` for the arithmetic.

    A batch is gathered by its indices in the timed loop. Where the host is the device, that is so
    whatever the problem's ``feed``.

    ``xp`` is NumPy, or a module with functions and methods of the same names whose arrays lie on
    a device, from which ``to_host`` copies them.

    Subclasses lay several models out in another way: they say what the arrays are and along which
    axes rows of inputs and of targets lie.
    """

    _axes = 0, 0
    _batch_of: Callable[..., Any] = staticmethod(batch_of)
    _train: Callable[..., None] = staticmethod(train)

    def __init__(
        self,
        problem: Problem,
        dtype: DType,
        xp: Namespace = NUMPY,
        to_host: ToHost = np.asarray,
    ) -> None:
        self._problem, self._dtype = problem, np.dtype(dtype)
        self._xp, self._to_host = xp, to_host
        # Batches of data that stay on the host are copied as they come; NumPy is there already.
        self._is_copied = problem.feed == "host" and to_host is not np.asarray
        self._take = self._copied if self._is_copied else xp.ndarray.take
        self._inputs, self._targets = self._data()
        if not self._is_copied:
            self._inputs, self._targets = xp.asarray(self._inputs), xp.asarray(self._targets)
        start = np.concatenate([array.ravel() for array in self._start_arrays()])
        self._start = xp.asarray(start.astype(dtype))
        self._network = self._make_network(self._start.copy(), xp.zeros_like(self._start))
        self._batches = problem.batches
        self._state = start_state(xp, problem.optimizer, self._start)
        self._iteration = self._steps = 0
        self._step = self._make_step()
        if self._batches is None:
            self._whole = self._whole_batch(self._scale(problem.step_rows))
        else:
            self._orders = self._batches.orders
            if not self._is_copied:
                self._orders = xp.asarray(self._orders)

    def train(self, iterations: int) -> None:
        batches = self._gathered(iterations) if self._batches else repeat(self._whole, iterations)
        # exp(-y) may overflow to inf for a saturated sigmoid; 1/(1 + inf) = 0 is the right answer.
        with np.errstate(over="ignore"):
            self._train(self._xp, self._network, batches, self._step)

    def reset(self) -> None:
        self._network.parameters[...] = self._start
        for array in self._state:
            array[...] = 0.0
        self._iteration = self._steps = 0

    @property
    def stands_at(self) -> tuple[Any, State]:
        """The flat parameters and the optimizer's arrays, which training changes."""
        return self._network.parameters, self._state

    def stand_at(self, parameters: Any, state: Sequence[Any], iterations: int) -> None:
        """Go on from where another training of this kind stood after so many iterations."""
        self._network.parameters[...] = parameters
        for array, other in zip(self._state, state, strict=True):
            array[...] = other
        self._iteration = self._steps = iterations

    def parameters(self) -> list[Array]:
        return [np.array(self._to_host(array)) for array in self._network.arrays]

    def _data(self) -> tuple[Array, Array]:
        """Return inputs and targets in the trainer's dtype, as they will be gathered from."""
        return typed(self._problem, self._dtype)

    def _start_arrays(self) -> list[Array]:
        """Return the parameters at the start, array after array as the network has them."""
        return self._problem.start_parameters()

    def _make_network(self, parameters: Any, gradients: Any) -> Any:
        """Return what `_train` trains, on these flat arrays."""
        return network_of(self._problem, parameters, gradients)

    def _whole_batch(self, scale: Any) -> Any:
        """Return all rows as the one batch."""
        return whole_batch(self._network, self._inputs, self._targets, scale)

    def _predict(self, inputs: Array) -> Array:
        inputs = self._xp.asarray(inputs.astype(self._dtype))
        return self._to_host(forward(self._xp, self._network, inputs)[-1])

    def _scale(self, rows: int) -> Any:
        """Return what scales the slope on a batch: also the rate, where a step is no more."""
        problem = self._problem
        scale = slope_scale(problem.loss, rows, problem.outputs)
        if problem.optimizer.is_plain:
            scale *= problem.rate
        return self._xp.array(scale, self._dtype)

    def _gathered(self, iterations: int) -> Iterator[Any]:
        """Yield the next batches, each gathered when its turn comes."""
        batches, inputs, targets, take = self._batches, self._inputs, self._targets, self._take
        assert batches is not None
        orders, size, batch_of = self._orders, batches.size, self._batch_of
        of_inputs, of_targets = self._axes
        ones, scale = self._xp.ones(size, self._dtype), self._scale(size)
        shortest = batches.shortest
        short_ones, short_scale = ones[:shortest], self._scale(shortest)
        for begin, end in batches.spans(self._iteration, iterations):
            rows = orders[begin:end]
            full = end - begin == size
            yield batch_of(
                take(inputs, rows, of_inputs),
                take(targets, rows, of_targets),
                ones if full else short_ones,
                scale if full else short_scale,
            )
        self._iteration += iterations

    def _copied(self, values: Array, rows: Indices, axis: int) -> Any:
        """Gather rows on the host and copy them to where the arrays of ``xp`` are."""
        return self._xp.asarray(values.take(rows, axis))

    def _make_step(self) -> Step:
        xp, optimizer, network, state = (
            self._xp,
            self._problem.optimizer,
            self._network,
            self._state,
        )
        parameters, gradients = network.parameters, network.gradients
        if optimizer.is_plain:
            subtract = xp.subtract

            def plain() -> None:
                subtract(parameters, gradients, parameters)

            return plain
        if isinstance(optimizer, Sgd):

            def with_momentum() -> None:
                update(xp, optimizer, parameters, gradients, state)

            return with_momentum
        factors, pieces = self._factors(optimizer), self._pieces()

        def adam() -> None:
            now = factors()
            for piece in pieces:
                update(xp, optimizer, *piece, now)

        return adam

    def _pieces(self) -> list[tuple[Any, Any, State]]:
        """Return parameters, gradients and the optimizer's arrays, as they are updated together."""
        return [(self._network.parameters, self._network.gradients, self._state)]

    def _factors(self, optimizer: Adam) -> Callable[[], tuple[Any, Any]]:
        """Return what gives Adam's factors of the next step.

        In arrays, because NumPy would convert a number in each operation.
        """
        factor, eps = np.zeros((2, 1), self._dtype)

        def factors() -> tuple[Array, Array]:
            factor[0], eps[0] = adam_factors(optimizer, self._count())
            return factor, eps

        return factors

    def _count(self) -> int:
        """Count the steps of Adam, from 1; they are not batches where there is one batch only."""
        self._steps += 1
        return self._steps


_held: WeakValueDictionary[tuple[Any, ...], Array] = WeakValueDictionary()


def typed(problem: Problem, dtype: npt.DTypeLike) -> Part:
    """Return `Problem.training_part` in this dtype; read-only.

    The arrays are kept as long as a trainer holds them, and no longer: a thousand trainings of
    the same rows, one after the other, would otherwise read a copy each, and find it in no cache.
    """
    key = (problem.dataset, problem.loss, problem.outputs, np.dtype(dtype).name)
    keys = [(*key, "inputs"), (*key, "targets")]
    inputs, targets = (_held.get(key) for key in keys)
    if inputs is None or targets is None:
        inputs, targets = (array.astype(dtype) for array in problem.training_part())
        for array in (inputs, targets):
            array.setflags(write=False)
        _held.update(zip(keys, (inputs, targets), strict=True))
    return Part(inputs, targets)
