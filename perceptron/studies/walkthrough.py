"""The introduction: train a small problem, watch it learn, look at what it learned."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np

from perceptron.backends import registry
from perceptron.backends.protocol import Trainer, Unsupported
from perceptron.backends.shared.predict import predict
from perceptron.errors import UserError, unknown
from perceptron.measure.progress import Progress
from perceptron.problems import catalogue
from perceptron.problems.datasets import Array
from perceptron.problems.problem import Activation, Layer, Problem
from perceptron.records.walkthrough import TrainingRun, Walkthrough
from perceptron.studies.shared.published import published_dtype

PROBLEMS = ("or-gate", "symptoms", "xor", "xor-hidden")
_ACTIVATIONS: tuple[Activation, ...] = ("sigmoid", "identity", "tanh", "relu")
_LOGGED = 10  # the error is logged this many times, before the first step and evenly after


def walkthrough(
    name: str, backends: Iterable[str], activation: str | None, progress: Progress
) -> Walkthrough:
    """Train the problem on each backend that can run, NumPy in float64 and others in float32.

    ``activation`` replaces that of the last layer. Raises `UserError` for an unknown name.
    """
    problem = find(name, activation)
    runs, skipped = [], []
    for backend in backends:
        reason = registry.reason_unavailable(backend)
        if reason is None:
            try:
                runs.append(_train(problem, backend, progress))
            except Unsupported as refusal:
                reason = str(refusal)
        if reason is not None:
            skipped.append((backend, reason))
    inputs, targets = problem.dataset.load()
    start = problem.start_parameters()
    first = problem.dataset.first_row
    return Walkthrough(
        problem=problem.name,
        title=problem.dataset.name,
        activations=[layer.activation for layer in problem.layers],
        loss=problem.loss,
        rate=problem.rate,
        feature_names=list(problem.dataset.feature_names),
        target_name=problem.dataset.target_name,
        row_name=problem.dataset.row_name,
        row_labels=list(range(first, first + problem.dataset.rows)),
        inputs=inputs.tolist(),
        targets=targets[:, 0].tolist(),
        start_weights=[array.tolist() for array in start[::2]],
        start_biases=[array.tolist() for array in start[1::2]],
        runs=runs,
        skipped=skipped,
        contradictions=contradictions(inputs, targets),
    )


def contradictions(inputs: Array, targets: Array) -> list[list[int]]:
    """Return groups of row numbers whose inputs are equal and whose targets are not.

    No model that is a function of its inputs can be right about all rows of a group.
    """
    groups: dict[bytes, list[int]] = {}
    for number, row in enumerate(np.ascontiguousarray(inputs)):
        groups.setdefault(row.tobytes(), []).append(number)
    return [rows for rows in groups.values() if len({float(targets[row, 0]) for row in rows}) > 1]


def predictor(walk: Walkthrough, activation: str | None) -> Callable[[Array], Array]:
    """Return the model that the first run trained: inputs (rows, features) to outputs (rows, 1).

    Call what it returns only if there was a run.
    """
    problem = find(walk.problem, activation)

    def predicted(inputs: Array) -> Array:
        layers = zip(walk.runs[0].weights, walk.runs[0].biases, strict=True)
        return predict(problem, [np.array(values) for layer in layers for values in layer], inputs)

    return predicted


def sigmoid_curve() -> tuple[Array, Array, Array | None]:
    """Return inputs, our sigmoid of them, and PyTorch's where it is installed."""
    inputs = np.arange(-10.0, 10.0, 0.1)
    ours = predict(find("or-gate", None), [np.eye(1), np.zeros(1)], inputs.reshape(-1, 1))
    if registry.reason_unavailable("torch-cpu") is not None:
        return inputs, ours[:, 0], None
    import torch

    return inputs, ours[:, 0], np.asarray(torch.nn.Sigmoid()(torch.from_numpy(inputs)).numpy())


def find(name: str, activation: str | None) -> Problem:
    """Return the problem of this name, its last activation replaced if one is given."""
    if name not in PROBLEMS:
        raise unknown("problem", name, [*PROBLEMS, "digits"])
    problem = catalogue.find(name)
    if activation is None:
        return problem
    for known in _ACTIVATIONS:
        if activation == known:
            last = Layer(problem.layers[-1].width, known)
            return replace(problem, layers=(*problem.layers[:-1], last))
    raise unknown("activation", activation, _ACTIVATIONS)


def _train(problem: Problem, backend: str, progress: Progress) -> TrainingRun:
    dtype = published_dtype(backend)
    trainer: Trainer = registry.load(backend).prepare(problem, dtype)
    chunk = problem.iterations // _LOGGED
    errors, seconds = [], 0.0
    for step in range(0, problem.iterations, chunk):
        errors.append((step, trainer.loss()))
        progress(step, problem.iterations, f"{backend}: error {errors[-1][1]:.2e}")
        begin = time.perf_counter()
        trainer.train(chunk)
        seconds += time.perf_counter() - begin
    progress(problem.iterations, problem.iterations, backend)
    parameters = trainer.parameters()
    if not all(np.all(np.isfinite(array)) for array in parameters):
        raise UserError(
            f"{problem.name} on {backend}: the parameters are not finite after "
            f"{problem.iterations} iterations; choose another --activation"
        )
    inputs, _ = problem.dataset.load()
    return TrainingRun(
        backend=backend,
        dtype=dtype,
        iterations=problem.iterations,
        errors=errors,
        weights=[array.tolist() for array in parameters[::2]],
        biases=[array.tolist() for array in parameters[1::2]],
        predictions=predict(problem, parameters, inputs)[:, 0].tolist(),
        seconds=seconds,
    )
