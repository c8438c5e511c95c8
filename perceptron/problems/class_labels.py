"""Classes in a column of a table: text labels, or the whole numbers 0 … C−1."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from perceptron.errors import UserError
from perceptron.problems.datasets import Array

Label = tuple[int, str]
"""The number of a line, and what stands there."""


def classes_in(file: Path, column: str, labels: Iterable[Label]) -> tuple[Array, tuple[str, ...]]:
    """Return the class of each row, (rows, 1) float64, and the names of the classes.

    Numbers must be 0 … C−1 for C classes; anything else is text, and the names are sorted. Each
    class needs two rows, one to train on and one to hold out.

    Raises `UserError` naming file, line and column.
    """
    cells = [(line, label.strip()) for line, label in labels]
    try:
        names, classes = _encoded(cells)
    except _LabelError as error:
        raise UserError(f"{file}, line {error.line}, column {column!r}: {error}") from None
    return np.array(classes, dtype=np.float64).reshape(-1, 1), names


class _LabelError(Exception):
    """What is wrong with the label in a line."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(what)
        self.line = line


def _encoded(cells: Sequence[Label]) -> tuple[tuple[str, ...], list[int]]:
    """Return the names and each row's class; raise `_LabelError` at the first wrong one."""
    for line, label in cells:
        if not label:
            raise _LabelError(line, "empty: give each row a class")
    numbers = _numbers(cells)
    if numbers is None:
        names = sorted({label for _, label in cells})
        index = {name: number for number, name in enumerate(names)}
        numbers = [index[label] for _, label in cells]
    else:
        names = [str(number) for number in range(len(set(numbers)))]
    _check(cells, numbers, len(names))
    return tuple(names), numbers


def _numbers(cells: Sequence[Label]) -> list[int] | None:
    """Return labels that are numbers, all of them, as whole ones; None if any is text."""
    try:
        # As in other columns, 1_000 is no number.
        numbers = [float(label.replace("_", "?")) for _, label in cells]
    except ValueError:
        return None
    for (line, label), number in zip(cells, numbers, strict=True):
        if not number.is_integer():
            what = f"{label[:40]!r} is no class: give whole numbers from 0, or text"
            raise _LabelError(line, what)
    return [int(number) for number in numbers]


def _check(cells: Sequence[Label], numbers: Sequence[int], classes: int) -> None:
    if classes < 2:
        line, label = cells[0]
        raise _LabelError(line, f"{label[:40]!r} is the only class: give at least two")
    counts = Counter(numbers)
    for (line, label), number in zip(cells, numbers, strict=True):
        if not 0 <= number < classes:
            what = f"number the {classes} classes from 0, or name them by text"
            raise _LabelError(line, f"{label[:40]!r} is not among 0 … {classes - 1}: {what}")
        if counts[number] == 1:
            what = f"class {label[:40]!r} occurs once: give each class two rows"
            raise _LabelError(line, what)
