"""The data that a model is trained on: their shape, how they are fed, and the first batch.

No framework is imported: a type is told by its name and its module's.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil, prod
from operator import index
from typing import Any, NamedTuple

import numpy as np

from perceptron.errors import UserError, in_one_line
from perceptron.problems.batches import Last
from perceptron.problems.problem import Feed


class Data(NamedTuple):
    """The shape of the data, and how they are fed."""

    row: tuple[int, ...]
    """Shape of one row of the inputs."""
    rows: int
    columns: int
    """Of the targets."""
    batch: int | None
    last: Last = "keep"
    feed: Feed = "resident"

    @property
    def features(self) -> int:
        return prod(self.row)

    @property
    def iterations_per_epoch(self) -> int:
        batch = self.batch or self.rows
        return max(1, self.rows // batch) if self.last == "drop" else ceil(self.rows / batch)


def whole(name: str, value: Any, least: int = 1) -> int:
    """Return a whole number, of NumPy's kind too; raise `UserError` for what is none."""
    try:
        number = index(value)
    except TypeError:
        number = least - 1
    if isinstance(value, bool) or number < least:
        raise UserError(f"{name}: {value!r} is no whole number from {least} up")
    return number


def is_a(value: object, module: str, name: str) -> bool:
    """Return whether a value is of this class of a library, or of one that inherits from it."""
    kinds = type(value).__mro__
    return any(one.__name__ == name and one.__module__.startswith(module) for one in kinds)


def name_of(value: object) -> str:
    """Return the name of a class or a function, or of the class that a value is of."""
    return str(getattr(value, "__name__", type(value).__name__))


def data_of(inputs: Any, targets: Any, batch: object) -> Data:
    """Return the shape of arrays, tensors or tables of (rows, …), or of what a DataLoader loads.

    Raises `UserError` that names what cannot be.
    """
    if is_a(inputs, "torch.utils.data", "DataLoader"):
        for name, value in {"targets": targets, "batch": batch}.items():
            if value is not None:
                raise UserError(f"{name}: the DataLoader has its own: leave {name} out")
        return _loaded(inputs)
    size = None if batch is None else whole("batch", batch)
    rows, *row = _shape("inputs", inputs)
    of_targets, *columns = _shape("targets", targets)
    if rows != of_targets:
        raise UserError(f"targets: {of_targets:,} rows do not fit the {rows:,} of inputs")
    if size is not None and size > rows:
        raise UserError(f"batch: {size:,} is more than the {rows:,} rows of inputs")
    return Data(tuple(row), rows, prod(columns), size)


def _loaded(loader: Any) -> Data:
    """Return the shape of what a DataLoader loads, by its first row."""
    if loader.batch_size is None:
        raise UserError("inputs: the DataLoader has no batch_size: give arrays and batch=")
    dataset = loader.dataset
    try:
        rows = len(loader.sampler)
        with _random_numbers_kept():
            first = dataset[0]
    except Exception as error:  # noqa: BLE001 the data set is the user's
        raise UserError(
            f"inputs: {name_of(dataset)} cannot be counted: {in_one_line(error)}: give arrays and "
            "batch="
        ) from None
    if not isinstance(first, tuple | list) or len(first) != 2:
        raise UserError("inputs: the DataLoader loads no (inputs, targets): give arrays and batch=")
    row, columns = _shape("inputs", first[0], 0), _shape("targets", first[1], 0)
    last: Last = "drop" if loader.drop_last else "keep"
    # All rows are the only batch of a larger size.
    return Data(row, rows, prod(columns), min(loader.batch_size, rows), last, "host")


def _shape(name: str, values: Any, axes: int = 1) -> tuple[int, ...]:
    """Return the shape of an array, a tensor, a table or a list; at least so many axes."""
    if values is None:
        raise UserError(f"{name}: give those that the model is trained on, or a DataLoader")
    try:
        found = tuple(getattr(values, "shape", None) or np.shape(values))
        shape = tuple(whole(name, length) for length in found)
    except ValueError:  # a list whose rows differ in length
        shape = ()
    if len(shape) < axes:
        raise UserError(f"{name}: {name_of(values)} is no array: give (rows, …)")
    return shape


def first_batch(inputs: Any, targets: Any, data: Data) -> tuple[Any, Any]:
    """Return inputs and targets of one iteration, as they are given or loaded."""
    rows = data.batch or data.rows
    if targets is not None:
        return inputs[:rows], targets[:rows]
    with _random_numbers_kept():
        of_inputs, of_targets = inputs.collate_fn([inputs.dataset[row] for row in range(rows)])
    return of_inputs, of_targets


@contextmanager
def _random_numbers_kept() -> Iterator[None]:
    """Leave the program's random numbers as they are, whatever a data set draws."""
    torch = sys.modules["torch"]
    before = random.getstate(), np.random.get_state(), torch.get_rng_state()
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])
        torch.set_rng_state(before[2])
