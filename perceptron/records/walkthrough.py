"""What a walk-through trained and saw, complete."""

from __future__ import annotations

from msgspec import Struct

Matrix = list[list[float]]


class TrainingRun(Struct, frozen=True, kw_only=True):
    """One backend's training; ``errors`` are (step, loss before that step)."""

    backend: str
    dtype: str
    iterations: int
    errors: list[tuple[int, float]]
    weights: list[Matrix]
    """(fan in, fan out) for each layer."""
    biases: list[list[float]]
    predictions: list[float]
    seconds: float


class Walkthrough(Struct, frozen=True, kw_only=True):
    """A problem, its observations, and every backend's training."""

    problem: str
    title: str
    activations: list[str]
    loss: str
    rate: float
    feature_names: list[str]
    target_name: str
    row_name: str
    row_labels: list[int]
    inputs: Matrix
    targets: list[float]
    start_weights: list[Matrix]
    start_biases: list[list[float]]
    runs: list[TrainingRun]
    skipped: list[tuple[str, str]]
    """(backend, reason)"""
    contradictions: list[list[int]]
    """Groups of row indices in ``inputs`` that are equal there and differ in ``targets``."""
