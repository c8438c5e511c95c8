"""Training along gradients derived by hand, on the arrays of any library: see `DerivedTrainer`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import repeat
from typing import Any

import numpy as np

from perceptron.backends.shared.evaluation import Scored
from perceptron.backends.shared.gradient import (
    Batch,
    Library,
    Namespace,
    Network,
    Tensor,
    activations_of,
    step_scale,
    views,
)
from perceptron.backends.shared.update import Factors, factors_of, start_state, step_of
from perceptron.problems.batches import Batches
from perceptron.problems.datasets import Array
from perceptron.problems.problem import Problem


class FlatTrainer(Scored):
    """Holds all parameters in one flat array, so that an optimizer passes over them once.

    They have the order of `Problem.start_parameters`; those of ``several`` models are stacked.
    Models of one layer on the same data are one wide layer, with weights (features, models ·
    outputs).

    Subclasses set the problem and copy arrays to the device and back.
    """

    several = False
    _problem: Problem
    _batches: Batches | None

    def _put(self, array: Array) -> Tensor:
        """Return a copy of ``array`` on the device, in the trainer's dtype."""
        raise NotImplementedError

    def _host(self, tensor: Tensor) -> Array:
        """Return the values as a NumPy array."""
        raise NotImplementedError

    def _lay_out(self, xp: Namespace) -> None:
        """Make the flat parameters and the optimizer's state, at their start values."""
        self._xp, problem = xp, self._problem
        has_models = self.several and problem.models > 1
        self._is_wide = has_models and len(problem.layers) == 1 and not problem.folds
        self._is_stacked = has_models and not self._is_wide
        start = problem.stacked_start() if has_models else problem.start_parameters()
        if self._is_wide:
            start[0] = start[0].swapaxes(0, 1)
        flat = np.concatenate([array.ravel() for array in start])
        self._start, self._parameters = self._put(flat), self._put(flat)
        self._state = start_state(xp, problem.optimizer, self._start)
        self._iteration = 0

    def _views(self, flat: Tensor) -> list[Tensor]:
        """Return the network's arrays in a flat array of the parameters' size."""
        problem = self._problem
        if self._is_wide:
            return views(flat, (problem.dataset.features, problem.models * problem.outputs))
        return views(flat, problem.widths, problem.models if self._is_stacked else None)

    def reset(self) -> None:
        self._parameters[...] = self._start
        for array in self._state:
            array[...] = 0.0
        self._iteration = 0

    def parameters(self) -> list[Array]:
        arrays = self._views(self._parameters)
        if self._is_wide:
            weights, bias = arrays
            by_model = (self._problem.models, self._problem.outputs)
            arrays = [weights.reshape(-1, *by_model).swapaxes(0, 1), bias.reshape(by_model)]
        return [np.array(self._host(array)) for array in arrays]

    def _factors(self, iterations: int) -> Iterator[Factors]:
        """Return the `Factors` of the next ``iterations`` steps."""
        return factors_of(self._problem.optimizer, self._iteration, iterations)


class DerivedTrainer(FlatTrainer):
    """Trains by the arithmetic of `gradient.Network` and `update`, on any library.

    With batches, ``feed(begin, end)`` returns inputs and targets of the rows
    ``orders[begin:end]``.
    """

    piece: int | None = None
    """Values that an optimizer updates together; None for all."""
    feed: Callable[[int, int], tuple[Tensor, Tensor]]

    def _derive(self, library: Library, inputs: Tensor, targets: Tensor) -> None:
        """Make the network and, without batches, the batch of all rows; call `_lay_out` before."""
        problem = self._problem
        self._gradients = self._xp.zeros_like(self._start)
        self._network = Network(
            library,
            self._views(self._parameters),
            self._views(self._gradients),
            activations_of(problem),
            problem.loss,
            self._put(np.ones(())),
            problem.models if self._is_wide else 1,
        )
        batches = self._batches
        sizes = (problem.step_rows,) if batches is None else (batches.size, batches.shortest)
        is_plain = problem.optimizer.is_plain
        self._of_rows: dict[int, tuple[Tensor, Tensor]] = {
            rows: (
                self._put(np.ones(rows)),
                self._put(np.array(step_scale(problem, rows, with_rate=is_plain))),
            )
            for rows in sizes
        }
        if batches is None:
            self._whole = self._network.whole_batch(inputs, targets, *self._of_rows[sizes[0]])

    def _advance(self, iterations: int) -> None:
        """Take ``iterations`` steps."""
        batches: Iterable[Batch] = (
            repeat(self._whole, iterations)
            if self._batches is None
            else self._gathered(self._batches, iterations)
        )
        self._take(batches, self._factors(iterations))
        self._iteration += iterations

    def _take(self, batches: Iterable[Batch], factors: Iterator[Factors]) -> None:
        """Take a step on each batch, with the factors of the step."""
        arrays = (self._parameters, self._gradients, self._state)
        step = step_of(self._xp, self._problem.optimizer, *arrays, factors, self.piece)
        self._network.train(batches, step)

    def _gathered(self, batches: Batches, iterations: int) -> Iterator[Batch]:
        """Yield the next batches, gathered one by one."""
        feed, batch, of_rows = self.feed, self._network.batch, self._of_rows
        for begin, end in batches.spans(self._iteration, iterations):
            # No name holds a batch for longer: the next one reuses its memory.
            yield batch(*feed(begin, end), *of_rows[end - begin])

    def _predict(self, inputs: Array) -> Array:
        outputs: Any = self._network.outputs(self._put(inputs))
        if self._is_wide:
            outputs = outputs.reshape(len(inputs), self._problem.models, -1).swapaxes(0, 1)
        return self._host(outputs)
