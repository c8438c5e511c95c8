"""The introduction: train a small problem, and keep its log, parameters and predictions."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace
from functools import partial

import numpy as np

from perceptron.backends import registry
from perceptron.backends.protocol import Evaluation, Trainer, Unsupported
from perceptron.backends.shared.evaluation import predict
from perceptron.errors import UserError, unknown
from perceptron.measure.budget import Progress
from perceptron.problems import catalogue
from perceptron.problems.datasets import Array
from perceptron.problems.problem import Activation, Layer, Problem
from perceptron.records.walkthrough import EpochScore, TrainingRun, Walkthrough

PROBLEMS = ("or-gate", "symptoms", "xor", "xor-hidden", "digits")
_ACTIVATIONS: tuple[Activation, ...] = ("sigmoid", "identity", "tanh", "relu")
_EVALUATIONS = 10  # without a test set: before the first step, and evenly after


def walkthrough(
    name: str, backends: Iterable[str], activation: str | None, progress: Progress
) -> Walkthrough:
    """Train the problem on each backend that can run, NumPy in float64 and others in float32.

    ``activation`` replaces that of the last layer. Raises `UserError` for an unknown name, and
    where the library with the data is not installed.
    """
    problem = find(name, activation)
    # All of them first: nothing is trained beside a name that is unknown.
    asked = [(backend, registry.reason_unavailable(backend)) for backend in backends]
    train, test = problem.parts()
    inputs, targets = test or train
    runs, skipped = [], []
    for backend, reason in asked:
        if reason is None:
            try:
                runs.append(_train(problem, backend, inputs, progress))
            except Unsupported as refusal:
                reason = str(refusal)
        if reason is not None:
            skipped.append((backend, reason))
    dataset = problem.dataset
    return Walkthrough(
        problem=problem.name,
        title=dataset.name,
        widths=list(problem.widths),
        activations=[layer.activation for layer in problem.layers],
        loss=problem.loss,
        optimizer=problem.optimizer.kind,
        rate=problem.rate,
        batch=problem.step_rows,
        iterations_per_epoch=problem.iterations_per_epoch,
        feature_names=list(dataset.feature_names),
        target_name=dataset.target_name,
        class_names=list(dataset.class_names),
        row_name=dataset.row_name,
        train_rows=dataset.rows,
        labels=range(dataset.first_row, dataset.first_row + len(inputs)),
        inputs=inputs,
        targets=targets,
        start=problem.start_parameters(),
        runs=runs,
        skipped=skipped,
    )


def find(name: str, activation: str | None) -> Problem:
    """Return the problem of this name, its last activation replaced if one is given."""
    if name not in PROBLEMS:
        raise unknown("problem", name, PROBLEMS)
    problem = catalogue.find(name)
    if activation is None:
        return problem
    if problem.outputs > 1:
        raise UserError(f"--activation is for problems of one output: leave it out for {name}")
    for known in _ACTIVATIONS:
        if activation == known:
            last = Layer(problem.outputs, known)
            return replace(problem, layers=(*problem.layers[:-1], last))
    raise unknown("activation", activation, _ACTIVATIONS)


def sigmoid_curve() -> tuple[Array, Array, Array | None]:
    """Return inputs, our sigmoid of them, and PyTorch's where it is installed."""
    inputs = np.arange(-10.0, 10.0, 0.1)
    ours = predict(find("or-gate", None), [np.eye(1), np.zeros(1)], inputs.reshape(-1, 1))
    if registry.reason_unavailable("torch-cpu") is not None:
        return inputs, ours[:, 0], None
    import torch

    return inputs, ours[:, 0], np.asarray(torch.nn.Sigmoid()(torch.from_numpy(inputs)).numpy())


def _train(problem: Problem, backend: str, inputs: Array, progress: Progress) -> TrainingRun:
    """Train chunk by chunk, and evaluate the model before each; the chunks alone are timed.

    With a test set a chunk is an epoch, and the end is evaluated too: a curve.
    """
    dtype = registry.published_dtype(backend)
    trainer: Trainer = registry.load(backend).prepare(problem, dtype)
    curve = problem.held_out_part() is not None
    epochs = problem.iterations // problem.iterations_per_epoch
    chunk = 1 if curve else epochs // _EVALUATIONS
    scores: list[EpochScore] = []

    def evaluate(epoch: int) -> None:
        scores.append(_score(epoch, trainer.evaluate()))
        if not curve:
            progress(epoch, epochs, f"{backend}: error {scores[-1].train_loss:.2e}")
        elif epoch:
            right = scores[-1].test_accuracy
            progress(epoch, epochs, f"{backend}: {right:.1%} of the test set right")

    seconds = 0.0
    for epoch in range(0, epochs, chunk):
        evaluate(epoch)
        begin = time.perf_counter()
        trainer.train(chunk * problem.iterations_per_epoch)
        seconds += time.perf_counter() - begin
    if curve:
        evaluate(epochs)
    else:
        progress(epochs, epochs, backend)
    parameters = trainer.parameters()
    if not all(np.isfinite(array).all() for array in parameters):
        raise UserError(
            f"{problem.name} on {backend}: the parameters are not finite after "
            f"{problem.iterations} iterations{'' if curve else '; choose another --activation'}"
        )
    model = partial(predict, problem, parameters)
    predictions = model(inputs)
    if problem.loss == "cross-entropy":
        shares = np.exp(predictions - predictions.max(axis=1, keepdims=True))
        predictions = shares / shares.sum(axis=1, keepdims=True)
    return TrainingRun(
        backend=backend,
        dtype=dtype,
        iterations=problem.iterations,
        scores=scores,
        parameters=parameters,
        model=model,
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
