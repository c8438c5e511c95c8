"""Targets in the form that a loss takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from perceptron.errors import UserError
from perceptron.problems.datasets import Array

if TYPE_CHECKING:
    from perceptron.problems.problem import Loss


def targets_for(values: Array, loss: Loss, outputs: int) -> Array:
    """Return targets (rows, outputs), float64, for predictions of as many ``outputs``.

    Targets of that shape stay as they are under any loss but ``cross-entropy``. Classes, (rows, 1)
    whole numbers 0 … C−1, become a row of zeros with a one at the class: that is what ``mse`` and
    the like compare C outputs with, and ``cross-entropy`` always. `classes_of` turns them back.

    Raises `UserError` where the targets are no such classes, or not as many as outputs.
    """
    if loss != "cross-entropy" and values.shape[1] == outputs:
        return values
    classes = check_classes(values, outputs)
    one_hot = np.zeros((len(classes), outputs))
    one_hot[np.arange(len(classes)), classes] = 1.0
    one_hot.setflags(write=False)
    return one_hot


def classes_of(targets: Array) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the class of each row, (rows,) int64, from targets (rows, classes).

    Targets of several models have one axis more, in front, and so have their classes.
    """
    classes: np.ndarray[tuple[int], np.dtype[np.int64]] = np.argmax(targets, axis=-1)
    return classes


def check_classes(values: Array, outputs: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return classes (rows,) int64; raise `UserError` if they are not 0 … outputs − 1."""
    if values.shape[1] != 1:
        raise UserError(f"{outputs} outputs do not fit {values.shape[1]} columns of targets")
    column = values[:, 0]
    wrong = (column != np.floor(column)) | (column < 0) | (column >= outputs)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise UserError(
            f"targets must be the classes 0 … {outputs - 1}, one for each output, "
            f"but row {row} has {column[row]:g}"
        )
    return column.astype(np.int64)
