"""A data set in two parts: rows to train on, and a test set.

For cross-validation each of several models holds out another fold.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from perceptron.errors import UserError
from perceptron.problems.datasets import Array, Dataset, Part
from perceptron.problems.definition import ADDED


@dataclass(frozen=True, kw_only=True)
class Divided(Dataset):
    """``whole`` without the rows that are held out; subclasses define `divide`."""

    whole: Dataset

    def require(self) -> None:
        self.whole.require()

    def generate(self) -> tuple[Array, Array]:
        return self.parts()[0]


@dataclass(frozen=True, kw_only=True)
class HeldOut(Divided):
    """``whole`` without ``test_rows`` rows, which are drawn at random and never trained on.

    The same share of each class is held out, so that both parts have every class.
    """

    test_rows: int
    test_seed: int = 1

    def divide(self) -> tuple[Part, Part]:
        inputs, targets = self.whole.generate()
        held = _held_out_mask(targets, self.class_names, self.test_rows, self.test_seed)
        return Part(inputs[~held], targets[~held]), Part(inputs[held], targets[held])


def hold_out(whole: Dataset, share: float, seed: int = 1) -> Dataset:
    """Return the data set with ``share`` of its rows held out, or ``whole`` for a share of 0.

    Raises `UserError` if a part would have no rows, or a class no row to train on.
    """
    if share == 0.0:
        return whole
    test_rows = round(share * whole.rows)
    if not 1 <= test_rows < whole.rows:
        raise UserError(
            f"test_share: {share:g} of {whole.rows} rows leaves no row to "
            f"{'test on' if test_rows < 1 else 'train on'}"
        )
    classes = len(whole.class_names)
    if whole.rows - test_rows < classes:
        raise UserError(
            f"test_share: {share:g} of {whole.rows} rows leaves {whole.rows - test_rows} to train "
            f"on, fewer than the {classes} classes"
        )
    description = _described_fields(whole, whole.rows - test_rows)
    return HeldOut(**description, whole=whole, test_rows=test_rows, test_seed=seed)


def _described_fields(whole: Dataset, rows: int) -> dict[str, Any]:
    """Return the fields of a data set, with another number of rows to train on."""
    return {field.name: getattr(whole, field.name) for field in fields(Dataset)} | {"rows": rows}


def _held_out_mask(
    targets: Array, class_names: tuple[str, ...], test_rows: int, seed: int
) -> npt.NDArray[np.bool_]:
    """Return the mask of the rows that are held out, (rows,) bool."""
    random = np.random.default_rng(seed)
    held = np.zeros(len(targets), dtype=bool)
    if not class_names:
        held[random.permutation(len(targets))[:test_rows]] = True
        return held
    classes = targets[:, 0].astype(np.int64)
    counts = np.bincount(classes, minlength=len(class_names))
    for label, number in enumerate(_shares(counts, test_rows)):
        members = np.flatnonzero(classes == label)
        held[random.permutation(members)[:number]] = True
    return held


def _shares(counts: npt.NDArray[np.int64], test_rows: int) -> npt.NDArray[np.int64]:
    """Return the number of rows to hold out of each class, by largest remainders.

    Each class keeps at least one row to train on.
    """
    most = np.maximum(counts - 1, 0)
    exact = counts * (test_rows / counts.sum())
    numbers: npt.NDArray[np.int64] = np.minimum(np.floor(exact).astype(np.int64), most)
    while numbers.sum() < test_rows:
        shortfall = np.where(numbers < most, exact - numbers, -np.inf)
        index = int(np.argmax(shortfall))
        if not np.isfinite(shortfall[index]):
            raise UserError(
                f"test_share: {test_rows} of {counts.sum()} rows leave some class no row to train "
                "on"
            )
        numbers[index] += 1
    return numbers


_FOLDS_SEED = 1


@dataclass(frozen=True, kw_only=True)
class Folds(Divided):
    """``whole``, whose training rows are divided into ``folds`` parts of equal size.

    Model i trains on all rows but fold i, which is its test set. Inputs are (models, rows,
    features); with ``fold`` they are those of that model, (rows, features). Rows are drawn at
    random; a remainder of fewer rows than folds is in no fold. The test set of ``whole`` is unused.
    """

    folds: int
    fold: int | None = field(default=None, metadata=ADDED)

    def divide(self) -> tuple[Part, Part]:
        rows = self.whole.divide()[0]
        order = np.random.default_rng(_FOLDS_SEED).permutation(len(rows.inputs))
        if self.fold is not None:
            return self._without(self.fold, rows, order)
        parts = [self._without(fold, rows, order) for fold in range(self.folds)]
        train, held_out = (
            Part(*(np.stack(arrays) for arrays in zip(*part, strict=True)))
            for part in zip(*parts, strict=True)
        )
        return train, held_out

    def _without(self, fold: int, rows: Part, order: Any) -> tuple[Part, Part]:
        """Return the rows outside a fold and the rows in it, each in the order of the data set."""
        size = len(order) // self.folds
        held = np.zeros(len(order), dtype=bool)
        held[order[fold * size : (fold + 1) * size]] = True
        inputs, targets = rows
        return Part(inputs[~held], targets[~held]), Part(inputs[held], targets[held])

    def of_model(self, index: int) -> Folds:
        return replace(self, fold=index)


def in_folds(whole: Dataset, folds: int) -> Folds:
    """Return the data of ``folds`` models, each of which trains on all folds but one.

    Raises `UserError` unless there are at least two folds, and a row for each.
    """
    if not 2 <= folds <= whole.rows:
        raise UserError(
            f"folds: {whole.rows} rows cannot be divided into {folds} folds: give models from 2 "
            f"to {whole.rows}"
        )
    description = _described_fields(whole, whole.rows - whole.rows // folds)
    return Folds(**description, whole=whole, folds=folds)
