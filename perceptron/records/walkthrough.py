"""The record of a walk-through: its problem, trainings and scores."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from msgspec import Struct

Array = npt.NDArray[np.floating]
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


class TrainingRun(Struct, frozen=True, kw_only=True):
    """One backend's training."""

    backend: str
    dtype: str
    iterations: int
    scores: list[EpochScore]
    parameters: list[Array]
    """[weights 1 (fan in, fan out), bias 1 (fan out,), weights 2 …]"""
    model: Callable[[Array], Array]
    """The trained function: from inputs (rows, features) to outputs (rows, outputs)."""
    predictions: Array
    """Outputs for `Walkthrough.inputs`, (rows, outputs); with classes the softmax, 0 to 1."""
    seconds: float


class Walkthrough(Struct, frozen=True, kw_only=True):
    """A problem, the rows to predict, and every backend's training.

    Rows of the test set are looked at; without one, those that the model learned from.
    """

    problem: str
    title: str
    widths: list[int]
    """Number of features, then the width of each layer."""
    activations: list[str]
    loss: str
    optimizer: str
    rate: float
    batch: int
    iterations_per_epoch: int
    feature_names: list[str]
    target_name: str
    class_names: list[str]
    """Empty where the model has one output, which is no or yes: 0 or 1."""
    row_name: str
    train_rows: int
    labels: range
    """The numbers of ``inputs``, as the data set counts them."""
    inputs: Array
    targets: Array
    """(rows, outputs)"""
    start: list[Array]
    """The start parameters, as `TrainingRun.parameters`."""
    runs: list[TrainingRun]
    skipped: list[tuple[str, str]]
    """(backend, reason)"""

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
        wrong = _classes(run.predictions) != _classes(self.targets)
        return [row for row, is_wrong in enumerate(wrong) if is_wrong]

    def worst_first(self, run: TrainingRun) -> list[int]:
        """Return the rows by the error of their first output, the largest first."""
        errors = np.abs(self.targets - run.predictions)[:, 0]
        return sorted(range(len(errors)), key=lambda row: -errors[row])

    def confusion(self, run: TrainingRun) -> Numbers:
        """Count the rows of each class (row) by predicted class (column)."""
        counts = np.zeros((len(self.class_names),) * 2, dtype=np.int64)
        np.add.at(counts, (_classes(self.targets), _classes(run.predictions)), 1)
        return counts

    def apart(self) -> float | None:
        """Return the largest relative difference between the losses of any two runs; None for one.

        After the same epoch, on either part: where it is next to nothing, their curves are one.
        """
        if len(self.runs) < 2:
            return None
        losses = np.array([[(s.train_loss, s.test_loss) for s in run.scores] for run in self.runs])
        return float((losses.max(axis=0) / losses.min(axis=0)).max()) - 1.0


def _classes(outputs: Array) -> Numbers:
    """Return the class of each row, of (rows, outputs) targets or predictions."""
    one = outputs.shape[1] == 1
    classes: Numbers = (outputs[:, 0] > 0.5).astype(int) if one else outputs.argmax(axis=1)
    return classes
