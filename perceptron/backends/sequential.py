"""The single training, as often in a row as there are models: the reference for batched training.

Each model has a trainer of its own, made as the backend makes that of a problem of one model.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any

import numpy as np

from perceptron.backends import registry
from perceptron.backends.protocol import (
    Backend,
    Evaluation,
    LadderStep,
    Trainer,
    Unsupported,
    least_seconds_of,
)
from perceptron.backends.shared.evaluation import Scored, mean_of
from perceptron.problems.datasets import Array
from perceptron.problems.problem import DType, Problem

# More would take as many times as long, and as many more trainers in memory.
MOST_MODELS = 8192
# Of a call of `train`: what a model's part of it costs once, whatever the iterations, is some
# microseconds, and as much to find its values in no cache. A training in a row has that once.
_LEAST_SECONDS_OF_A_MODEL = 1e-3

# What a backend may have besides, and is the same for its trainings one by one.
_PASSED_ON = ("imports", "compiles", "accelerator", "unprofiled", "published_dtype", "require")


class SequentialTrainer(Scored):
    """Trains each model so many iterations, one model after the other."""

    def __init__(self, trainers: list[Trainer]) -> None:
        self._trainers = trainers
        # The timing asks whether a trainer has it.
        if all(hasattr(trainer, "queue") for trainer in trainers):
            self.queue = self._queue

    def train(self, iterations: int) -> None:
        for trainer in self._trainers:
            trainer.train(iterations)

    def reset(self) -> None:
        for trainer in self._trainers:
            trainer.reset()

    def evaluate(self) -> Evaluation:
        return mean_of([trainer.evaluate() for trainer in self._trainers])

    def parameters(self) -> list[Array]:
        singles = [trainer.parameters() for trainer in self._trainers]
        return [np.stack(arrays) for arrays in zip(*singles, strict=True)]

    def _queue(self, iterations: int) -> None:
        trainers: Iterable[Any] = self._trainers
        for trainer in trainers:
            trainer.queue(iterations)


class Sequential:
    """A backend's single trainings; with one model it is that backend."""

    def __init__(self, of: str, rung_of_models: LadderStep) -> None:
        self.name = f"{of}-sequential"
        self.summary = f"{of}, one model after the other"
        self.rung_of_models = rung_of_models
        self._of = of

    @cached_property
    def _backend(self) -> Backend:
        return registry.load(self._of)

    @property
    def device(self) -> str:
        return self._backend.device

    def __getattr__(self, name: str) -> Any:
        if name in _PASSED_ON:
            return getattr(self._backend, name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def unavailable(self) -> str | None:
        return self._backend.unavailable()

    def environment(self, threads: int) -> dict[str, str]:
        return self._backend.environment(threads)

    def least_seconds(self, problem: Problem) -> float:
        if problem.models == 1:
            return least_seconds_of(self._backend, problem)
        return problem.models * _LEAST_SECONDS_OF_A_MODEL

    def prepare(self, problem: Problem, dtype: DType) -> Trainer:
        if problem.models == 1:
            return self._backend.prepare(problem, dtype)
        if problem.models > MOST_MODELS:
            raise Unsupported(
                f"sequential, a model of more than {MOST_MODELS:,} takes as long as of so many: "
                "not tried"
            )
        singles = (problem.single(index) for index in range(problem.models))
        return SequentialTrainer([self._backend.prepare(single, dtype) for single in singles])


TORCH_CPU = Sequential(
    "torch-cpu",
    LadderStep("nothing: a module, autograd, an optimizer, one model after the other", after=None),
)
NUMPY = Sequential(
    "numpy",
    LadderStep("the framework: gradients derived by hand", after="torch-cpu-sequential"),
)
JAX_CPU = Sequential(
    "jax-cpu",
    LadderStep("Python's loop: a model's steps in one call", after="numpy-sequential"),
)
NUMBA = Sequential(
    "numba",
    LadderStep(
        "everything but the arithmetic: one compiled loop over plain arrays",
        after="jax-cpu-sequential",
    ),
)
TORCH_CUDA = Sequential(
    "torch-cuda",
    LadderStep("nothing: one model after the other, and a launch for each kernel", after=None),
)
