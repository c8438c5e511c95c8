"""A data set for cross-validation: as many folds as there are models, and each model's own rows."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from perceptron.errors import UserError
from perceptron.problems.datasets import Array, Dataset, Part

_SEED = 1


class OfEachModel(Dataset):
    """Data of their own for each of several models: inputs (models, rows, features), targets so."""

    def of_model(self, index: int) -> Dataset:
        """Return the data of one model alone."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class _InFolds(Dataset):
    """``whole``, whose rows to train on are divided into ``folds`` parts of equal size.

    Rows are drawn at random; those that are left over where the parts do not divide them are in no
    fold. What ``whole`` itself holds out is not used.
    """

    whole: Dataset
    folds: int

    def require(self) -> None:
        self.whole.require()

    def generate(self) -> tuple[Array, Array]:
        return self.parts()[0]

    def _without(self, fold: int, rows: Part, order: Any) -> tuple[Part, Part]:
        """Return the rows outside a fold and those in it, each in the order of the whole."""
        size = len(order) // self.folds
        held = np.zeros(len(order), dtype=bool)
        held[order[fold * size : (fold + 1) * size]] = True
        inputs, targets = rows
        return Part(inputs[~held], targets[~held]), Part(inputs[held], targets[held])

    def _order(self, rows: Part) -> Any:
        return np.random.default_rng(_SEED).permutation(len(rows.inputs))


@dataclass(frozen=True, kw_only=True)
class Folds(_InFolds, OfEachModel):
    """Every model's rows, one model after the other: inputs (models, rows, features).

    Model i trains on all rows but fold i, which is held out from it.
    """

    def divide(self) -> tuple[Part, Part]:
        rows = self.whole.divide()[0]
        order = self._order(rows)
        parts = [self._without(fold, rows, order) for fold in range(self.folds)]
        train, held_out = (
            Part(*(np.stack(arrays) for arrays in zip(*own, strict=True)))
            for own in zip(*parts, strict=True)
        )
        return train, held_out

    def of_model(self, index: int) -> Dataset:
        return WithoutFold(**_values(self), fold=index)


@dataclass(frozen=True, kw_only=True)
class WithoutFold(_InFolds):
    """All rows but those of one fold, which is held out."""

    fold: int

    def divide(self) -> tuple[Part, Part]:
        rows = self.whole.divide()[0]
        return self._without(self.fold, rows, self._order(rows))


def in_folds(whole: Dataset, folds: int) -> Folds:
    """Return the data of so many models, each without a fold of its own.

    Raises `UserError` unless there are two folds or more, of a row or more each.
    """
    if not 2 <= folds <= whole.rows:
        raise UserError(
            f"folds: {whole.rows} rows cannot be divided into {folds} folds: give models from 2 "
            f"to {whole.rows}"
        )
    own = {field.name: getattr(whole, field.name) for field in fields(Dataset)}
    own["rows"] = whole.rows - whole.rows // folds
    return Folds(**own, whole=whole, folds=folds)


def _values(dataset: Dataset) -> dict[str, Any]:
    return {field.name: getattr(dataset, field.name) for field in fields(dataset)}
