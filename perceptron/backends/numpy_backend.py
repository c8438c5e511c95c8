"""NumPy on the CPU, gradients derived by hand."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat
from types import ModuleType

import numpy as np

from perceptron.backends.protocol import Evaluation, LadderStep, Trainer
from perceptron.backends.shared.evaluation import evaluate
from perceptron.backends.shared.gradient import (
    Batch,
    Step,
    batch_of,
    forward,
    network_of,
    slope_scale,
    train,
    whole_batch,
)
from perceptron.backends.shared.threads import thread_variables
from perceptron.backends.shared.update import adam_factors, start_state, update
from perceptron.problems.datasets import Array
from perceptron.problems.optimizer import Sgd
from perceptron.problems.problem import DType, Problem

# On matrices `dot` and `matmul` are the same, and calling the method takes 0.3 µs less.
_NUMPY = ModuleType("numpy")
vars(_NUMPY).update(vars(np), matmul=np.ndarray.dot)


class NumpyTrainer:
    """See `gradient.train` and `update` for the arithmetic.

    A batch is gathered by its indices in the timed loop, whatever the problem's ``feed``: the host
    is the device.
    """

    def __init__(self, problem: Problem, dtype: DType) -> None:
        part = problem.training_part()
        self._problem, self._dtype = problem, np.dtype(dtype)
        self._inputs, self._targets = part.inputs.astype(dtype), part.targets.astype(dtype)
        self._start = np.concatenate([array.ravel() for array in problem.start_parameters()])
        self._start = self._start.astype(dtype)
        self._network = network_of(problem, self._start.copy(), np.zeros_like(self._start))
        self._batches = problem.batches
        self._state = start_state(np, problem.optimizer, self._start)
        self._iteration = self._steps = 0
        self._step = self._make_step()
        if self._batches is None:
            rows = len(self._inputs)
            self._whole = whole_batch(self._network, self._inputs, self._targets, self._scale(rows))
        else:
            self._batches.orders  # noqa: B018 made here and not while training

    def train(self, iterations: int) -> None:
        batches = self._gathered(iterations) if self._batches else repeat(self._whole, iterations)
        # exp(-y) may overflow to inf for a saturated sigmoid; 1/(1 + inf) = 0 is the right answer.
        with np.errstate(over="ignore"):
            train(_NUMPY, self._network, batches, self._step)

    def reset(self) -> None:
        self._network.parameters[...] = self._start
        for array in self._state:
            array[...] = 0.0
        self._iteration = self._steps = 0

    def loss(self) -> float:
        return self.evaluate().train.loss

    def evaluate(self) -> Evaluation:
        with np.errstate(over="ignore"):
            return evaluate(self._problem, self._predict)

    def parameters(self) -> list[Array]:
        return [array.copy() for array in self._network.arrays]

    def _predict(self, inputs: Array) -> Array:
        outputs: Array = forward(np, self._network, inputs.astype(self._dtype))[-1]
        return outputs

    def _scale(self, rows: int) -> Array:
        """Return what scales the slope on a batch: also the rate, where a step is no more."""
        problem = self._problem
        scale = slope_scale(problem.loss, rows, problem.outputs)
        if problem.optimizer.is_plain:
            scale *= problem.rate
        return np.array(scale, self._dtype)

    def _gathered(self, iterations: int) -> Iterator[Batch]:
        """Yield the next batches, each gathered when its turn comes."""
        batches, inputs, targets = self._batches, self._inputs, self._targets
        assert batches is not None
        orders, size = batches.orders, batches.size
        ones, scale = np.ones(size, self._dtype), self._scale(size)
        shortest = batches.shortest
        short_ones, short_scale = ones[:shortest], self._scale(shortest)
        for begin, end in batches.spans(self._iteration, iterations):
            rows = orders[begin:end]
            full = end - begin == size
            yield batch_of(
                inputs.take(rows, 0),
                targets.take(rows, 0),
                ones if full else short_ones,
                scale if full else short_scale,
            )
        self._iteration += iterations

    def _make_step(self) -> Step:
        optimizer, network, state = self._problem.optimizer, self._network, self._state
        parameters, gradients = network.parameters, network.gradients
        if optimizer.is_plain:

            def plain() -> None:
                np.subtract(parameters, gradients, parameters)

            return plain
        if isinstance(optimizer, Sgd):

            def with_momentum() -> None:
                update(np, optimizer, parameters, gradients, state)

            return with_momentum
        factor, eps = np.zeros((2, 1), self._dtype)

        def adam() -> None:
            factor[0], eps[0] = adam_factors(optimizer, self._count())
            update(np, optimizer, parameters, gradients, state, (factor, eps))

        return adam

    def _count(self) -> int:
        """Count the steps of Adam, from 1; they are not batches where there is one batch only."""
        self._steps += 1
        return self._steps


class NumpyBackend:
    """The reference for agreement, and the incumbent of most comparisons."""

    name = "numpy"
    device = "cpu"
    summary = "NumPy, gradients derived by hand, one activation an iteration"
    rung = LadderStep("activations computed twice", after="numpy-published")
    published_dtype: DType = "float64"

    def unavailable(self) -> str | None:
        return None

    def environment(self, threads: int) -> dict[str, str]:
        return thread_variables(threads)

    def prepare(self, problem: Problem, dtype: DType) -> Trainer:
        trainer = NumpyTrainer(problem, dtype)
        trainer.train(2)  # warm up: the first product starts the thread pool
        trainer.reset()
        return trainer


BACKEND = NumpyBackend()
