"""Train a small problem; return its scores, its parameters and its predictions."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import cast, get_args

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from perceptron.backends import registry
from perceptron.backends.protocol import Evaluation, Trainer, Unsupported
from perceptron.backends.shared.evaluation import predict
from perceptron.errors import UserError, unknown
from perceptron.measure.budget import Progress
from perceptron.problems import catalogue
from perceptron.problems.datasets import Array
from perceptron.problems.problem import Activation, Layer, Problem

PROBLEMS = ("or-gate", "symptoms", "xor", "xor-hidden", "digits")
_ACTIVATIONS = get_args(Activation)
_EVALUATIONS = 10  # without a test set: before the first step, and evenly after

Numbers = npt.NDArray[np.integer]


class EpochScore(Struct, frozen=True, kw_only=True):
    """The scores of a model after ``epoch`` passes over the rows; 0 is the start."""

    epoch: int
    train_loss: float
    train_accuracy: float
    """Share of the rows, 0 to 1."""
    test_loss: float
    """Loss on the test set, or on all rows without one; ``test_accuracy`` likewise."""
    test_accuracy: float


@dataclass(frozen=True, kw_only=True)
class TrainingRun:
    """One backend's training."""

    backend: str
    dtype: str
    scores: list[EpochScore]
    parameters: list[Array]
    """[weights 1 (fan in, fan out), bias 1 (fan out,), weights 2 …]"""
    predictions: Array
    """Outputs for `Walkthrough.inputs`, (rows, outputs); with classes the softmax, 0 to 1."""
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Walkthrough:
    """A problem, the rows to predict, and every backend's training.

    The rows are those of the test set, or of the training data if there is no test set. Without
    classes the model has one output: 0 or 1.
    """

    problem: Problem
    inputs: Array
    targets: Array
    """(rows, outputs)"""
    runs: list[TrainingRun]
    skipped: list[tuple[str, str]]
    """(backend, reason)"""

    @property
    def class_names(self) -> tuple[str, ...]:
        """Empty where the model has one output."""
        return self.problem.dataset.class_names

    def name(self, row: int) -> str:
        """Return the name of a row, such as ``person 3``."""
        return f"{self.problem.dataset.row_name} {self.problem.dataset.first_row + row}"

    def contradictions(self) -> list[list[int]]:
        """Return groups of rows whose inputs are equal and whose targets are not.

        No model that is a function of its inputs can be right about all rows of a group.
        """
        groups: dict[bytes, list[int]] = {}
        for row, values in enumerate(self.inputs):
            groups.setdefault(values.tobytes(), []).append(row)
        return [rows for rows in groups.values() if len(np.unique(self.targets[rows], axis=0)) > 1]

    def wrong(self, run: TrainingRun) -> list[int]:
        """Return the rows whose predicted class is wrong."""
        return np.flatnonzero(_classes(run.predictions) != _classes(self.targets)).tolist()

    def worst_first(self, run: TrainingRun) -> list[int]:
        """Return the rows by the error of their first output, the largest first."""
        errors = np.abs(self.targets - run.predictions)[:, 0]
        return sorted(range(len(errors)), key=lambda row: -errors[row])

    def confusion(self, run: TrainingRun) -> Numbers:
        """Count the rows of each class (row) by predicted class (column)."""
        counts = np.zeros((len(self.class_names),) * 2, dtype=np.int64)
        np.add.at(counts, (_classes(self.targets), _classes(run.predictions)), 1)
        return counts


def _classes(outputs: Array) -> Numbers:
    """Return the class of each row, of (rows, outputs) targets or predictions."""
    is_single = outputs.shape[1] == 1
    classes: Numbers = (outputs[:, 0] > 0.5).astype(int) if is_single else outputs.argmax(axis=1)
    return classes


def walkthrough(
    name: str, backends: Iterable[str], activation: str | None, progress: Progress
) -> Walkthrough:
    """Train the problem on each backend that can run, NumPy in float64 and others in float32.

    ``activation`` replaces that of the last layer. Raises `UserError` for an unknown name, or if
    the library with the data is not installed.
    """
    problem = find(name, activation)
    # Before any training, so that an unknown name fails at once.
    reasons = [(backend, registry.reason_unavailable(backend)) for backend in backends]
    train, test = problem.parts()
    inputs, targets = test or train
    runs, skipped = [], []
    for backend, reason in reasons:
        if reason is None:
            try:
                runs.append(_train(problem, backend, inputs, progress))
            except Unsupported as refusal:
                reason = str(refusal)
        if reason is not None:
            skipped.append((backend, reason))
    return Walkthrough(problem=problem, inputs=inputs, targets=targets, runs=runs, skipped=skipped)


def find(name: str, activation: str | None) -> Problem:
    """Return the problem of this name, its last activation replaced if one is given."""
    if name not in PROBLEMS:
        raise unknown("problem", name, PROBLEMS)
    problem = catalogue.find(name)
    if activation is None:
        return problem
    if problem.outputs > 1:
        raise UserError(f"--activation is for problems of one output: leave it out for {name}")
    if activation not in _ACTIVATIONS:
        raise unknown("activation", activation, _ACTIVATIONS)
    last = Layer(problem.outputs, cast(Activation, activation))
    return replace(problem, layers=(*problem.layers[:-1], last))


def _train(problem: Problem, backend: str, inputs: Array, progress: Progress) -> TrainingRun:
    """Train in chunks and evaluate the model before each; only the training is timed.

    With a test set a chunk is an epoch, and the scores include that of the trained model.
    """
    dtype = registry.published_dtype(backend)
    trainer: Trainer = registry.load(backend).prepare(problem, dtype)
    curve = problem.held_out_part() is not None
    epochs = problem.iterations // problem.iterations_per_epoch
    chunk = 1 if curve else epochs // _EVALUATIONS
    scores: list[EpochScore] = []
    seconds = 0.0
    for epoch in range(0, epochs + 1, chunk):
        score = _score(epoch, trainer.evaluate())
        if curve or epoch < epochs:
            scores.append(score)
        right = f"{score.test_accuracy:.1%} of the test set right"
        progress(epoch, epochs, f"{backend}: {right if curve else f'error {score.train_loss:.2e}'}")
        if epoch < epochs:
            begin = time.perf_counter()
            trainer.train(chunk * problem.iterations_per_epoch)
            seconds += time.perf_counter() - begin
    parameters = trainer.parameters()
    if not all(np.isfinite(array).all() for array in parameters):
        raise UserError(
            f"{problem.name} on {backend}: the parameters are not finite after "
            f"{problem.iterations} iterations{'' if curve else '; choose another --activation'}"
        )
    predictions = predict(problem, parameters, inputs)
    if problem.loss == "cross-entropy":
        shares = np.exp(predictions - predictions.max(axis=1, keepdims=True))
        predictions = shares / shares.sum(axis=1, keepdims=True)
    return TrainingRun(
        backend=backend,
        dtype=dtype,
        scores=scores,
        parameters=parameters,
        predictions=predictions,
        seconds=seconds,
    )


def _score(epoch: int, evaluation: Evaluation) -> EpochScore:
    train, test = evaluation.train, evaluation.test or evaluation.train
    assert train.accuracy is not None
    assert test.accuracy is not None
    return EpochScore(
        epoch=epoch,
        train_loss=train.loss,
        train_accuracy=train.accuracy,
        test_loss=test.loss,
        test_accuracy=test.accuracy,
    )
