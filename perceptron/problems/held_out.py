"""A data set in two parts: rows to train on, and rows held out to see what was learned."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from perceptron.errors import UserError
from perceptron.problems.datasets import Array, Dataset, Part


@dataclass(frozen=True, kw_only=True)
class HeldOut(Dataset):
    """``whole`` without ``test_rows`` rows, which are drawn at random and never trained on.

    Of each class the same share is held out, so that none is in one part only.
    """

    whole: Dataset
    test_rows: int
    test_seed: int = 1

    def require(self) -> None:
        self.whole.require()

    def generate(self) -> tuple[Array, Array]:
        return self.parts()[0]

    def divide(self) -> tuple[Part, Part]:
        inputs, targets = self.whole.generate()
        held = _drawn(targets, self.class_names, self.test_rows, self.test_seed)
        return Part(inputs[~held], targets[~held]), Part(inputs[held], targets[held])


def hold_out(whole: Dataset, share: float, seed: int = 1) -> Dataset:
    """Return the data set with this share of its rows held out; itself for a share of 0.

    Raises `UserError` where a part would have no rows, or the classes no row each to train on.
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
    return HeldOut(
        name=whole.name,
        rows=whole.rows - test_rows,
        features=whole.features,
        feature_names=whole.feature_names,
        target_name=whole.target_name,
        row_name=whole.row_name,
        first_row=whole.first_row,
        class_names=whole.class_names,
        whole=whole,
        test_rows=test_rows,
        test_seed=seed,
    )


def _drawn(
    targets: Array, class_names: tuple[str, ...], wanted: int, seed: int
) -> npt.NDArray[np.bool_]:
    """Return which rows are held out, (rows,)."""
    random = np.random.default_rng(seed)
    held = np.zeros(len(targets), dtype=bool)
    if not class_names:
        held[random.permutation(len(targets))[:wanted]] = True
        return held
    classes = targets[:, 0].astype(np.int64)
    counts = np.bincount(classes, minlength=len(class_names))
    for label, number in enumerate(_shares(counts, wanted)):
        members = np.flatnonzero(classes == label)
        held[random.permutation(members)[:number]] = True
    return held


def _shares(counts: npt.NDArray[np.int64], wanted: int) -> npt.NDArray[np.int64]:
    """Return how many of each class are held out, by largest remainders; one is always left."""
    most = np.maximum(counts - 1, 0)
    exact = counts * (wanted / counts.sum())
    numbers: npt.NDArray[np.int64] = np.minimum(np.floor(exact).astype(np.int64), most)
    while numbers.sum() < wanted:
        left = np.where(numbers < most, exact - numbers, -np.inf)
        index = int(np.argmax(left))
        if not np.isfinite(left[index]):
            raise UserError(
                f"test_share: {wanted} of {counts.sum()} rows leave some class no row to train on"
            )
        numbers[index] += 1
    return numbers
