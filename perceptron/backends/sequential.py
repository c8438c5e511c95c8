"""Trainings of one model after the other: the reference for batched training.

Each model has a trainer, the backend's for a problem of one model.
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

# Time and memory grow in proportion to the number of models.
MOST_MODELS = 8192
# Of a call of `train`: each model costs some microseconds per call, whatever the iterations, and as
# much because its values are in no cache. Trained alone, a model pays that once.
_LEAST_SECONDS_OF_A_MODEL = 1e-3

# Optional attributes of a backend that hold for its sequential trainings too.
_PASSED_ON = ("imports", "compiles", "accelerator", "unprofiled", "published_dtype", "require")


class SequentialTrainer(Scored):
    """Trains each model for all iterations of a call, one model after the other."""

    def __init__(self, trainers: list[Trainer]) -> None:
        self._trainers = trainers
        # `queue` is optional: timing looks for the attribute.
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
    """Trains the models of a problem one by one with a backend; one model as that backend does."""

    def __init__(self, backend: str, ladder_step_of_models: LadderStep) -> None:
        self.name = f"{backend}-sequential"
        self.summary = f"{backend}, one model after the other"
        self.ladder_step_of_models = ladder_step_of_models
        self._of = backend

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
