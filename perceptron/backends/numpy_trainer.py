"""Training with NumPy, or with a module of its names: gradients derived by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
import numpy.typing as npt

from perceptron.backends.shared.flat_trainer import DerivedTrainer
from perceptron.backends.shared.gradient import Namespace, numpy_matrices, numpy_stacks
from perceptron.backends.shared.update import Factors
from perceptron.problems.datasets import Array, Part
from perceptron.problems.problem import DType, Problem

ToHost = Callable[[Any], Array]  # an array of a namespace → the same as a NumPy array


class NumpyTrainer(DerivedTrainer):
    """Trains one model or several on NumPy's arrays.

    ``xp`` is NumPy, or a module with functions and methods of the same names whose arrays lie on
    a device, from which ``to_host`` copies them.
    """

    several = True
    # The arrays of an optimizer's step on this number of values fit into a cache of two megabytes.
    # Passing over all values with each operation takes half as long again.
    piece: int | None = 2**16

    def __init__(
        self, problem: Problem, dtype: DType, xp: Namespace = np, to_host: ToHost = np.asarray
    ) -> None:
        self._problem, self._dtype = problem, np.dtype(dtype)
        self._to_host, self._batches = to_host, problem.batches
        self._lay_out(xp)
        self._inputs, self._targets = self._data()
        # Batches of data that stay on the host are copied as they come; NumPy is there already.
        is_copied = problem.feed == "host" and to_host is not np.asarray
        if not is_copied:
            self._inputs, self._targets = xp.asarray(self._inputs), xp.asarray(self._targets)
        library = (numpy_stacks if self._is_stacked else numpy_matrices)(xp)
        upright = self._targets.swapaxes(-1, -2) if self._is_stacked else self._targets
        self._derive(library, self._inputs, upright)
        if self._batches is not None:
            self.feed = self._make_feed(self._batches.orders, is_copied)
        elif self._is_wide:
            # Repeated for each model, because NumPy passes faster over arrays of equal shape.
            targets = self._whole.targets.repeat(problem.models, axis=1)
            self._whole = self._whole._replace(targets=targets)

    def train(self, iterations: int) -> None:
        # exp(-y) may overflow to inf for a saturated sigmoid; 1/(1 + inf) = 0 is the right answer.
        with np.errstate(over="ignore"):
            self._advance(iterations)

    @property
    def changing_arrays(self) -> list[Any]:
        """The flat parameters and the optimizer's arrays, which training changes."""
        return [self._parameters, *self._state]

    def set_state(self, parameters: Any, state: Sequence[Any], iterations: int) -> None:
        """Set parameters and optimizer state to those of another training after ``iterations``."""
        self._parameters[...] = parameters
        for array, values in zip(self._state, state, strict=True):
            array[...] = values
        self._iteration = iterations

    def _put(self, array: Array) -> Any:
        return self._xp.asarray(array.astype(self._dtype))

    def _host(self, tensor: Any) -> Array:
        return self._to_host(tensor)

    def _data(self) -> Part:
        """Return inputs and targets in the trainer's dtype, laid out to gather batches from.

        For stacks, targets lie as the last layer's outputs do, ([models,] outputs, rows).
        """
        if not self._is_stacked:
            return typed(self._problem, self._dtype)
        inputs, targets = self._problem.parts()[0]
        lying = np.ascontiguousarray(targets.swapaxes(-1, -2), self._dtype)
        return Part(inputs.astype(self._dtype), lying)

    def _make_feed(
        self, orders: npt.NDArray[np.int64], is_copied: bool
    ) -> Callable[[int, int], tuple[Any, Any]]:
        inputs, targets, is_stacked = self._inputs, self._targets, self._is_stacked
        of_inputs, of_targets = (-2, -1) if is_stacked else (0, 0)
        asarray, take = self._xp.asarray, self._xp.ndarray.take
        if is_copied:
            return lambda begin, end: (
                asarray(inputs.take(orders[begin:end], 0)),
                asarray(targets.take(orders[begin:end], 0)),
            )
        on_device = asarray(orders)

        def feed(begin: int, end: int) -> tuple[Any, Any]:
            rows = on_device[begin:end]
            targets_of_rows = take(targets, rows, of_targets)
            return take(inputs, rows, of_inputs), targets_of_rows.swapaxes(
                -1, -2
            ) if is_stacked else targets_of_rows

        return feed

    def _factors(self, iterations: int) -> Iterator[Factors]:
        """Return Adam's factors in arrays: NumPy would convert a number in each operation."""
        factor, eps = np.zeros((2, 1), self._dtype)
        for numbers in super()._factors(iterations):
            if numbers is not None:
                factor[0], eps[0] = numbers
            yield factor, eps


_held: WeakValueDictionary[tuple[Any, ...], Array] = WeakValueDictionary()


def typed(problem: Problem, dtype: npt.DTypeLike) -> Part:
    """Return `Problem.training_part` in this dtype; read-only.

    Arrays are shared as long as a trainer holds them: otherwise a thousand trainings of the same
    rows, one after the other, would each read a copy of their own, which is in no cache.
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
