"""Single NumPy trainings in joblib's pool of worker processes: each worker has a share of models.

Workers keep no state of a training between calls, because joblib gives a task to whichever worker
is free: each model's state is sent and comes back. A row's waiting time is that of all workers; its
memory is that of the sending process, which holds the states of all models and, to evaluate them,
a trainer for each data set.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from itertools import count, pairwise
from typing import NamedTuple

import numpy as np
import psutil

from perceptron import optional
from perceptron.backends.numpy_backend import NumpyBackend
from perceptron.backends.numpy_trainer import NumpyTrainer
from perceptron.backends.protocol import Evaluation, LadderStep, thread_variables
from perceptron.backends.shared.evaluation import Scored, mean_of
from perceptron.backends.shared.gradient import views
from perceptron.problems.datasets import Array
from perceptron.problems.problem import DType, Problem

# Of a call of `train`: sending takes milliseconds, and a training sends once.
_LEAST_SECONDS = 0.2
_LEAST_SECONDS_OF_A_MODEL = 1e-3
# How often a worker looks whether the process that started it is still there.
_LOOK_SECONDS = 0.5

_numbers = count()


class _Training(NamedTuple):
    """Arguments that all calls of one trainer share."""

    number: tuple[int, int]
    problem: Problem
    dtype: DType


# By the training's number and the model; only those of the current training.
_trainers: dict[tuple[tuple[int, int], int], NumpyTrainer] = {}


def _trainer_of(training: _Training, model: int) -> NumpyTrainer:
    """Return the cached trainer of a model's data set; models that share data share a trainer."""
    key = training.number, model if training.problem.folds else 0
    if key not in _trainers:
        if any(number != training.number for number, _ in _trainers):
            _trainers.clear()
        _trainers[key] = NumpyTrainer(training.problem.single(model), training.dtype)
    return _trainers[key]


def _train(
    training: _Training, first: int, states: Array, iterations_before: int, iterations: int
) -> Array:
    """Train models ``first``, ``first`` + 1, … from their ``states``; return the new states.

    States are (models, arrays, parameters): each model's parameters, then its optimizer's arrays.
    ``iterations_before`` is the number of iterations that the states have taken.
    """
    new_states = np.empty_like(states)
    for index, (parameters, *state) in enumerate(states):
        trainer = _trainer_of(training, first + index)
        trainer.set_state(parameters, state, iterations_before)
        trainer.train(iterations)
        new_states[index] = trainer.changing_arrays
    return new_states


def _end_with(parent: int) -> None:
    """End this worker when its parent has ended: a killed parent does not end it."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_LOOK_SECONDS)
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()


class ProcessesTrainer(Scored):
    """Sends each worker its share of the models, and gathers their new states."""

    _states: Array
    _iterations: int

    def __init__(self, problem: Problem, dtype: DType) -> None:
        import joblib

        self._training = _Training((os.getpid(), next(_numbers)), problem, dtype)
        models = problem.models
        start = [array.reshape(models, 1, -1) for array in problem.stacked_start()]
        parameters = np.concatenate(start, axis=2).astype(dtype)
        state = [np.zeros_like(parameters)] * problem.optimizer.state_arrays
        self._start = np.concatenate([parameters, *state], axis=1)
        self._jobs = joblib.cpu_count()
        self._run = joblib.Parallel(
            n_jobs=self._jobs,
            backend="loky",
            batch_size=1,
            pre_dispatch="all",
            max_nbytes=None,  # through a pipe: files in shared memory could be left behind
            inner_max_num_threads=1,
            initializer=_end_with,
            initargs=(os.getpid(),),
        )
        self.reset()

    def train(self, iterations: int) -> None:
        import joblib

        train = joblib.delayed(_train)
        new_states: list[Array] = self._run(
            train(self._training, share.start, self._states[share], self._iterations, iterations)
            for share in self._shares()
        )
        self._states = np.concatenate(new_states)
        self._iterations += iterations

    def reset(self) -> None:
        self._states, self._iterations = self._start, 0

    def evaluate(self) -> Evaluation:
        evaluations = []
        for model, (parameters, *state) in enumerate(self._states):
            trainer = _trainer_of(self._training, model)
            trainer.set_state(parameters, state, 0)
            evaluations.append(trainer.evaluate())
        return mean_of(evaluations)

    def parameters(self) -> list[Array]:
        problem = self._training.problem
        states = self._states[:, 0] if problem.models > 1 else self._states[0, 0]
        return [array.copy() for array in views(states, problem.widths)]

    def _shares(self) -> Iterator[slice]:
        """Yield the models of each worker; the numbers of models differ by one at most."""
        models = self._training.problem.models
        shares = min(self._jobs, models)
        bounds = [share * models // shares for share in range(shares + 1)]
        for begin, end in pairwise(bounds):
            yield slice(begin, end)


class ProcessesBackend(NumpyBackend):
    """Trains what `numpy` trains, with the same results, in a worker process for each thread."""

    name = "processes"
    summary = "numpy, one model after the other, in a pool of a process for each thread"
    ladder_step_of_models = LadderStep(
        "cores that stand idle: a process for each", after="numpy-sequential"
    )
    imports = ("joblib",)

    def unavailable(self) -> str | None:
        return optional.missing("joblib")

    def environment(self, threads: int) -> dict[str, str]:
        # joblib reads this variable; each worker has one thread, whatever other variables are set.
        return thread_variables(threads) | {"LOKY_MAX_CPU_COUNT": str(threads)}

    def least_seconds(self, problem: Problem) -> float:
        return max(_LEAST_SECONDS, _LEAST_SECONDS_OF_A_MODEL * problem.models)

    def process_ids(self) -> list[int]:
        return [child.pid for child in psutil.Process().children(recursive=True)]

    def _trainer(self, problem: Problem, dtype: DType) -> ProcessesTrainer:
        return ProcessesTrainer(problem, dtype)


BACKEND = ProcessesBackend()
