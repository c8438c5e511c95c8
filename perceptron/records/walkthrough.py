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


class EpochScore(Struct, frozen=True, kw_only=True):
    """How well a model did after ``epoch`` passes over the rows; 0 is the start."""

    epoch: int
    train_loss: float
    train_accuracy: float
    """Share of the rows, 0 to 1."""
    test_loss: float
    test_accuracy: float


class ClassifierRun(Struct, frozen=True, kw_only=True):
    """One backend's training of a classifier."""

    backend: str
    dtype: str
    iterations: int
    epochs: list[EpochScore]
    predicted: list[int]
    """Class of each held-out row."""
    confidence: list[float]
    """Of each of these predictions: its softmax, 0 to 1."""
    seconds: float


class ClassifierWalkthrough(Struct, frozen=True, kw_only=True):
    """A problem of several classes with a held-out part, and every backend's training."""

    problem: str
    title: str
    row_name: str
    class_names: list[str]
    train_rows: int
    widths: list[int]
    """Number of features, then the width of each layer."""
    activations: list[str]
    loss: str
    optimizer: str
    rate: float
    batch: int
    iterations_per_epoch: int
    test_inputs: Matrix
    test_classes: list[int]
    runs: list[ClassifierRun]
    skipped: list[tuple[str, str]]
    """(backend, reason)"""

    def confusion(self, run: ClassifierRun) -> list[list[int]]:
        """Count the held-out rows of each class (row) that were taken for each class (column)."""
        counts = [[0] * len(self.class_names) for _ in self.class_names]
        for true, predicted in zip(self.test_classes, run.predicted, strict=True):
            counts[true][predicted] += 1
        return counts

    def wrong(self, run: ClassifierRun) -> list[int]:
        """Return the held-out rows that were taken for another class, the most confident first."""
        rows = range(len(self.test_classes))
        mistaken = [row for row in rows if run.predicted[row] != self.test_classes[row]]
        return sorted(mistaken, key=lambda row: -run.confidence[row])

    def apart(self) -> float | None:
        """Return the largest relative difference between the losses of any two runs; None for one.

        After the same epoch, on either part: where it is next to nothing, their curves are one.
        """
        if len(self.runs) < 2:
            return None
        curves = [
            [loss for score in run.epochs for loss in (score.train_loss, score.test_loss)]
            for run in self.runs
        ]
        by_epoch = zip(*curves, strict=True)
        return max(float(max(losses)) / float(min(losses)) - 1.0 for losses in by_epoch)
