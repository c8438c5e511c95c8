"""Data sets: small tables from the walk-through, and separable data of any rows × features."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from perceptron import optional
from perceptron.errors import UserError

Array = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Dataset:
    """A description of observations; nothing is allocated until `load`.

    Subclasses make the values in `generate`.
    """

    name: str
    rows: int
    features: int
    feature_names: tuple[str, ...] = ()
    target_name: str = "target"
    row_name: str = "observation"
    first_row: int = 0

    def generate(self) -> tuple[Array, Array]:
        """Return inputs (rows, features) and targets (rows, 1), float64; the same at every call."""
        raise NotImplementedError

    def require(self) -> None:
        """Raise `UserError` where the library that the data come from is not installed."""

    def load(self) -> tuple[Array, Array]:
        """Return what `generate` does, kept for the next call; the arrays are read-only."""
        return _load(self)


def forget() -> None:
    """Release the data that `Dataset.load` keeps."""
    _load.cache_clear()


@lru_cache(maxsize=1)  # one, because the largest takes hundreds of MB
def _load(dataset: Dataset) -> tuple[Array, Array]:
    inputs, targets = dataset.generate()
    inputs.setflags(write=False)
    targets.setflags(write=False)
    return inputs, targets


@dataclass(frozen=True)
class TableData(Dataset):
    """A few observations written out; the last column is the target."""

    values: tuple[tuple[float, ...], ...] = ()

    def generate(self) -> tuple[Array, Array]:
        table = np.array(self.values, dtype=np.float64)
        return table[:, :-1].copy(), table[:, -1:].copy()


@dataclass(frozen=True)
class Separable(Dataset):
    """Points in a cube, a quarter of them beyond a random plane: a perceptron can learn them."""

    seed: int = 1

    def generate(self) -> tuple[Array, Array]:
        random = np.random.default_rng(self.seed)
        normal = random.standard_normal(self.features)
        inputs = random.random((self.rows, self.features))
        inputs -= 0.5
        inputs *= np.sqrt(12.0)  # unit variance, so that rates do not depend on the data
        score = inputs @ normal
        # A quantile, so that both classes are there whatever the number of rows; not the median,
        # because in balanced classes the gradients of the biases cancel and nothing moves them.
        targets = (score > np.quantile(score, 0.75)).astype(np.float64).reshape(-1, 1)
        return inputs, targets


@dataclass(frozen=True)
class BreastCancer(Dataset):
    """The Wisconsin breast-cancer table that scikit-learn bundles, each feature standardised."""

    def require(self) -> None:
        reason = optional.missing("sklearn")
        if reason is not None:
            raise UserError(f"problem 'breast-cancer': {reason}")

    def generate(self) -> tuple[Array, Array]:
        self.require()
        from sklearn.datasets import load_breast_cancer

        table = load_breast_cancer()
        inputs = np.asarray(table.data, dtype=np.float64)
        inputs = (inputs - inputs.mean(axis=0)) / inputs.std(axis=0)
        return inputs, np.asarray(table.target, dtype=np.float64).reshape(-1, 1)


OR_GATE = TableData(
    name="OR gate",
    rows=4,
    features=2,
    feature_names=("input 1", "input 2"),
    target_name="true output",
    values=((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 1)),
)

XOR = TableData(
    name="XOR gate",
    rows=4,
    features=2,
    feature_names=("input 1", "input 2"),
    target_name="true output",
    values=((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 0)),
)

SYMPTOMS = TableData(
    name="symptoms of eight persons",
    rows=8,
    features=4,
    feature_names=("loss of smell", "weight loss", "runny nose", "body pain"),
    target_name="positive?",
    row_name="person",
    first_row=1,
    values=(
        (1, 0, 0, 1, 1),
        (1, 0, 0, 0, 1),
        (0, 0, 1, 1, 0),
        (0, 1, 0, 0, 0),
        (1, 1, 0, 0, 1),
        (0, 0, 1, 1, 1),
        (0, 0, 0, 1, 0),
        (0, 0, 1, 0, 0),
    ),
)

BREAST_CANCER = BreastCancer(
    name="breast cancer (Wisconsin)",
    rows=569,
    features=30,
    target_name="benign",
    row_name="patient",
)
