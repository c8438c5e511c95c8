"""The introduction's third chapter: handwritten digits, in mini-batches, with a held-out part."""

from __future__ import annotations

import time
from collections.abc import Iterable

import numpy as np

from perceptron.backends import registry
from perceptron.backends.protocol import Evaluation, Trainer, Unsupported
from perceptron.backends.shared.predict import predict
from perceptron.errors import UserError
from perceptron.measure.progress import Progress
from perceptron.problems import catalogue
from perceptron.problems.datasets import Part
from perceptron.problems.problem import Problem
from perceptron.problems.targets import classes_of
from perceptron.records.walkthrough import ClassifierRun, ClassifierWalkthrough, EpochScore
from perceptron.studies.shared.published import published_dtype

PROBLEM = "digits"


def walkthrough_digits(backends: Iterable[str], progress: Progress) -> ClassifierWalkthrough:
    """Train the digits on each backend that can run, NumPy in float64 and others in float32.

    Raises `UserError` where scikit-learn, which has the images, is not installed.
    """
    problem = catalogue.find(PROBLEM)
    held_out = problem.held_out_part()
    assert held_out is not None, "digits are held out"
    runs, skipped = [], []
    for backend in backends:
        reason = registry.reason_unavailable(backend)
        if reason is None:
            try:
                runs.append(_train(problem, held_out, backend, progress))
            except Unsupported as refusal:
                reason = str(refusal)
        if reason is not None:
            skipped.append((backend, reason))
    dataset = problem.dataset
    return ClassifierWalkthrough(
        problem=problem.name,
        title=dataset.name,
        row_name=dataset.row_name,
        class_names=list(dataset.class_names),
        train_rows=dataset.rows,
        widths=list(problem.widths),
        activations=[layer.activation for layer in problem.layers],
        loss=problem.loss,
        optimizer=problem.optimizer.kind,
        rate=problem.rate,
        batch=problem.step_rows,
        iterations_per_epoch=problem.iterations_per_epoch,
        test_inputs=held_out.inputs.tolist(),
        test_classes=classes_of(held_out.targets).tolist(),
        runs=runs,
        skipped=skipped,
    )


def _train(problem: Problem, held_out: Part, backend: str, progress: Progress) -> ClassifierRun:
    dtype = published_dtype(backend)
    trainer: Trainer = registry.load(backend).prepare(problem, dtype)
    epochs = problem.iterations // problem.iterations_per_epoch
    scores, seconds = [_score(0, trainer.evaluate())], 0.0
    for epoch in range(1, epochs + 1):
        begin = time.perf_counter()
        trainer.train(problem.iterations_per_epoch)
        seconds += time.perf_counter() - begin
        scores.append(_score(epoch, trainer.evaluate()))
        progress(epoch, epochs, f"{backend}: {scores[-1].test_accuracy:.1%} of the held-out right")
    parameters = trainer.parameters()
    if not all(np.all(np.isfinite(array)) for array in parameters):
        raise UserError(
            f"{problem.name} on {backend}: the parameters are not finite after "
            f"{problem.iterations} iterations"
        )
    outputs = predict(problem, parameters, held_out.inputs)
    shares = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    return ClassifierRun(
        backend=backend,
        dtype=dtype,
        iterations=problem.iterations,
        epochs=scores,
        predicted=classes_of(outputs).tolist(),
        confidence=shares.max(axis=1).tolist(),
        seconds=seconds,
    )


def _score(epoch: int, evaluation: Evaluation) -> EpochScore:
    train, test = evaluation.train, evaluation.test
    assert test is not None
    assert train.accuracy is not None
    assert test.accuracy is not None
    return EpochScore(
        epoch=epoch,
        train_loss=train.loss,
        train_accuracy=train.accuracy,
        test_loss=test.loss,
        test_accuracy=test.accuracy,
    )
