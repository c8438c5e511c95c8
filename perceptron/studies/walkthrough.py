"""The introduction: train a small problem, watch it learn, look at what it learned."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from perceptron.backends import registry
from perceptron.backends.gradient import Network, forward
from perceptron.backends.protocol import Trainer
from perceptron.errors import UserError, unknown
from perceptron.problems import catalogue
from perceptron.problems.datasets import Array
from perceptron.problems.problem import Activation, DType, Layer, Problem
from perceptron.studies.progress import Progress, Step

PROBLEMS = ("or-gate", "symptoms", "xor", "xor-hidden")
BACKENDS = ("numpy", "torch-cpu", "torch-cuda")
_ACTIVATIONS: tuple[Activation, ...] = ("sigmoid", "identity", "tanh", "relu")
_LOGGED = 10  # the error is logged this many times, before the first step and evenly after


@dataclass(frozen=True)
class TrainingRun:
    """One backend's training. ``errors`` are (step, loss before it); arrays are as trained."""

    backend: str
    dtype: DType
    iterations: int
    errors: tuple[tuple[int, float], ...]
    parameters: tuple[Array, ...]
    predictions: Array
    seconds: float


@dataclass(frozen=True)
class Walkthrough:
    """What was trained and what came of it, by backend; ``skipped`` are (backend, reason).

    ``contradictions`` are groups of observations with equal inputs and different targets.
    """

    problem: Problem
    runs: tuple[TrainingRun, ...]
    skipped: tuple[tuple[str, str], ...]
    contradictions: tuple[tuple[int, ...], ...]


def walkthrough(
    name: str, backends: Iterable[str], activation: str | None, progress: Progress
) -> Walkthrough:
    """Train the problem on each backend that can run, NumPy in float64 and others in float32.

    ``activation`` replaces that of the last layer. Raises `UserError` for an unknown name.
    """
    problem = _problem(name, activation)
    chosen = list(dict.fromkeys(backends))
    reasons = {backend: registry.reason_unavailable(backend) for backend in chosen}
    runs = [
        _train(problem, backend, progress) for backend in chosen if reasons[backend] is None
    ]
    return Walkthrough(
        problem=problem,
        runs=tuple(runs),
        skipped=tuple((backend, why) for backend, why in reasons.items() if why is not None),
        contradictions=contradictions(*problem.dataset.load()),
    )


def contradictions(inputs: Array, targets: Array) -> tuple[tuple[int, ...], ...]:
    """Groups of row numbers whose inputs are equal and whose targets are not.

    No model that is a function of its inputs can be right about all rows of a group.
    """
    groups: dict[bytes, list[int]] = {}
    for number, row in enumerate(np.ascontiguousarray(inputs)):
        groups.setdefault(row.tobytes(), []).append(number)
    return tuple(
        tuple(rows) for rows in groups.values() if len({float(targets[row, 0]) for row in rows}) > 1
    )


def predict(problem: Problem, parameters: Iterable[Array], inputs: Array) -> Array:
    """The model's outputs (rows, 1) in float64 for these parameters and inputs (rows, features)."""
    network = Network(
        inputs=np.asarray(inputs, np.float64),
        targets=None,
        ones=None,
        parameters=[np.asarray(array, np.float64) for array in parameters],
        activations=tuple(layer.activation for layer in problem.layers),
        loss=problem.loss,
        rate=problem.rate,
    )
    with np.errstate(over="ignore"):
        outputs: Array = forward(np, network)[-1]
    return outputs


def framework_sigmoid(values: Array) -> Array | None:
    """PyTorch's sigmoid of the values, or None where PyTorch is not installed."""
    if registry.reason_unavailable("torch-cpu") is not None:
        return None
    import torch

    return np.asarray(torch.nn.Sigmoid()(torch.from_numpy(values)).numpy())


def _problem(name: str, activation: str | None) -> Problem:
    if name not in PROBLEMS:
        raise unknown("problem", name, PROBLEMS)
    problem = catalogue.find(name)
    if activation is None:
        return problem
    for known in _ACTIVATIONS:
        if activation == known:
            last = Layer(problem.layers[-1].width, known)
            return replace(problem, layers=(*problem.layers[:-1], last))
    raise unknown("activation", activation, _ACTIVATIONS)


def _train(problem: Problem, backend: str, progress: Progress) -> TrainingRun:
    # As published: NumPy computes in its default float64, PyTorch in its default float32.
    dtype: DType = "float64" if backend.startswith("numpy") else "float32"
    trainer: Trainer = registry.load(backend).prepare(problem, dtype)
    chunk = problem.iterations // _LOGGED
    errors, seconds = [], 0.0
    for step in range(0, problem.iterations, chunk):
        errors.append((step, trainer.loss()))
        progress(Step(step, problem.iterations, f"{backend}: error {errors[-1][1]:.2e}"))
        begin = time.perf_counter()
        trainer.train(chunk)
        seconds += time.perf_counter() - begin
    progress(Step(problem.iterations, problem.iterations, backend))
    parameters = tuple(trainer.parameters())
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
        errors=tuple(errors),
        parameters=parameters,
        predictions=predict(problem, parameters, inputs),
        seconds=seconds,
    )
