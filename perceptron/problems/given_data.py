"""A data set of arrays that somebody has in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from perceptron.errors import UserError
from perceptron.problems.datasets import Array, Dataset
from perceptron.problems.definition import CONTENT, NO_PART


@dataclass(frozen=True, kw_only=True)
class GivenData(Dataset):
    """Inputs and targets as they were given. Equal contents make equal data sets."""

    digest: str = field(metadata=NO_PART)
    """SHA-256 of what they were read from, hexadecimal: what tells two of them apart."""
    inputs: Array = field(compare=False, repr=False, metadata=CONTENT)
    """(rows, features), float64, read-only."""
    targets: Array = field(compare=False, repr=False, metadata=CONTENT)
    """(rows, columns), float64, read-only."""

    def generate(self) -> tuple[Array, Array]:
        return self.inputs, self.targets


def given(
    inputs: Array, targets: Array, class_names: Sequence[str] = (), name: str = "given data"
) -> GivenData:
    """Return arrays as a data set that a `Problem` can have; they are copied.

    ``inputs`` are (rows, features) and ``targets`` (rows,) or (rows, columns). Where targets are
    classes they are whole numbers 0 … C−1, and ``class_names`` has a name for each.

    Raises `UserError` if the shapes do not fit, or a number is not finite.
    """
    rows = _frozen("inputs", inputs)
    columns = _frozen("targets", targets)
    if columns.ndim == 1:
        columns = columns.reshape(-1, 1)
    if rows.ndim != 2 or columns.ndim != 2 or len(rows) != len(columns) or not rows.size:
        raise UserError(
            f"inputs {np.shape(inputs)} and targets {np.shape(targets)}: give (rows, features), at "
            "least 1 of each, and (rows,) or (rows, columns)"
        )
    digest = hashlib.sha256(f"{rows.shape} {columns.shape}".encode())
    digest.update(rows.data)
    digest.update(columns.data)
    return GivenData(
        name=name,
        rows=rows.shape[0],
        features=rows.shape[1],
        class_names=tuple(class_names),
        digest=digest.hexdigest(),
        inputs=rows,
        targets=columns,
    )


def _frozen(what: str, values: Array) -> Array:
    array: Array = np.array(values, dtype=np.float64, order="C")
    if not np.isfinite(array).all():
        raise UserError(f"{what}: a number is not finite")
    array.setflags(write=False)
    return array
