"""Data sets: tables of the walk-through, generated data of any rows × features, given arrays.

The worker processes of a study share generated data: sixty thousand rows of 784 features take a
second to generate and 360 MiB of memory, and every process needs them.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from perceptron import optional
from perceptron.errors import UserError
from perceptron.problems.definition import CONTENT, EXCLUDED

Array = npt.NDArray[np.floating]

DATA_FOLDER = "PERCEPTRON_DATA"
"""The variable that names the folder where processes share data; unset, nothing is stored."""
# Smaller data are generated as fast as they are read.
_WORTHWHILE_BYTES = 2**25


class Part(NamedTuple):
    """Rows to train on, or a test set: inputs (rows, features), targets (rows, …), float64."""

    inputs: Array
    targets: Array


@dataclass(frozen=True)
class Dataset:
    """A description of observations; nothing is allocated until `load`.

    Subclasses make the values in `generate`. ``rows`` is the number of training rows. Classes are
    whole numbers 0 … C−1 as targets, and ``class_names`` has a name for each.
    """

    name: str = field(metadata=EXCLUDED)
    rows: int
    features: int
    feature_names: tuple[str, ...] = field(default=(), metadata=EXCLUDED)
    target_name: str = field(default="target", metadata=EXCLUDED)
    row_name: str = field(default="observation", metadata=EXCLUDED)
    first_row: int = field(default=0, metadata=EXCLUDED)
    class_names: tuple[str, ...] = ()

    def generate(self) -> tuple[Array, Array]:
        """Return inputs (rows, features) and targets (rows, 1), float64; the same at every call."""
        raise NotImplementedError

    def divide(self) -> tuple[Part, Part | None]:
        """Return the training rows, and the test set or None."""
        return Part(*self.generate()), None

    def of_model(self, index: int) -> Dataset:
        """Return the data of model ``index``; this data set if models share it."""
        return self

    def require(self) -> None:
        """Raise `UserError` if the library that the data come from is not installed."""

    def parts(self) -> tuple[Part, Part | None]:
        """Return the training rows and the test set or None, cached; the arrays are read-only."""
        return _parts(self)

    def load(self) -> Part:
        """Return the inputs and targets to train on, cached; the arrays are read-only."""
        return self.parts()[0]


def forget() -> None:
    """Release the data that `Dataset.parts` has cached."""
    _parts.cache_clear()


@lru_cache(maxsize=1)  # one, because the largest takes hundreds of MB
def _parts(dataset: Dataset) -> tuple[Part, Part | None]:
    def divided() -> list[Array]:
        return [array for part in dataset.divide() for array in part or ()]

    arrays = read_or_make(repr(dataset), divided)
    for array in arrays:
        array.setflags(write=False)
    return Part(*arrays[:2]), Part(*arrays[2:]) if arrays[2:] else None


def read_or_make(description: str, make: Callable[[], Sequence[Array]]) -> list[Array]:
    """Return the arrays of a data set: from another process's files, else from ``make``.

    ``description`` identifies the data. Arrays that cannot be stored, as on a full disk, are made
    again.
    """
    folder = os.environ.get(DATA_FOLDER)
    if folder is None:
        return list(make())
    stored = Path(folder) / hashlib.sha256(description.encode()).hexdigest()[:16]
    if stored.is_dir():
        # Mapped: all processes read the same memory. A plain array, not the subclass, whose
        # operations are slower.
        files = sorted(stored.iterdir())
        return [np.asarray(np.load(file, mmap_mode="r", allow_pickle=False)) for file in files]
    arrays = list(make())
    if sum(array.nbytes for array in arrays) >= _WORTHWHILE_BYTES:
        with suppress(OSError):
            _store_arrays(stored, arrays)
    return arrays


def _store_arrays(folder: Path, arrays: Sequence[Array]) -> None:
    """Write the arrays to a temporary folder and rename it: ``folder`` holds all or none."""
    unfinished = folder.with_name(f"{folder.name}.{os.getpid()}")
    try:
        unfinished.mkdir()
        for index, array in enumerate(arrays):
            np.save(unfinished / f"{index}.npy", array, allow_pickle=False)
        unfinished.rename(folder)  # fails where another process was first
    except OSError:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise


@dataclass(frozen=True)
class TableData(Dataset):
    """A few given observations; the last column is the target."""

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
class Clusters(Dataset):
    """A cloud of points for each class, around centres that are drawn at random.

    Classes have equally many rows, give or take one, and follow each other in random order.
    Inputs have unit variance, so that rates do not depend on the data. The centres lie so far apart
    that most points, not all, are nearest to the centre of their class.
    """

    classes: int = 2
    seed: int = 1

    def __post_init__(self) -> None:
        if not self.class_names:
            names = tuple(str(index) for index in range(self.classes))
            object.__setattr__(self, "class_names", names)
        if not 2 <= self.classes <= self.rows:
            raise UserError(f"classes: {self.classes} is not between 2 and the {self.rows} rows")

    def generate(self) -> tuple[Array, Array]:
        random = np.random.default_rng(self.seed)
        # Two centres are on average √(2·features)·spread apart, points √features from theirs.
        spread = 3.0 / np.sqrt(self.features + 9.0)
        centres = random.standard_normal((self.classes, self.features)) * spread
        labels = random.permutation(np.arange(self.rows) % self.classes)
        inputs = random.standard_normal((self.rows, self.features))
        inputs *= np.sqrt(1.0 - spread * spread)
        inputs += centres[labels]
        return inputs, labels.astype(np.float64).reshape(-1, 1)


class FromSklearn(Dataset):
    """A table that scikit-learn bundles."""

    problem: ClassVar[str]
    loader: ClassVar[str]

    def require(self) -> None:
        if reason := optional.missing("sklearn"):
            raise UserError(f"problem {self.problem!r}: {reason}")

    def generate(self) -> tuple[Array, Array]:
        self.require()
        import sklearn.datasets

        table = getattr(sklearn.datasets, self.loader)()
        targets = np.asarray(table.target, dtype=np.float64).reshape(-1, 1)
        return np.asarray(table.data, dtype=np.float64), targets


@dataclass(frozen=True)
class BreastCancer(FromSklearn):
    """The Wisconsin breast-cancer table, each feature standardised."""

    problem, loader = "breast-cancer", "load_breast_cancer"

    def generate(self) -> tuple[Array, Array]:
        inputs, targets = super().generate()
        return (inputs - inputs.mean(axis=0)) / inputs.std(axis=0), targets


@dataclass(frozen=True)
class Digits(FromSklearn):
    """Handwritten digits of 8 × 8 pixels, ink from 0 to 1."""

    problem, loader = "digits", "load_digits"

    def generate(self) -> tuple[Array, Array]:
        inputs, targets = super().generate()
        return inputs / 16.0, targets


@dataclass(frozen=True, kw_only=True)
class GivenData(Dataset):
    """A data set of given arrays. Equal contents make equal data sets."""

    digest: str = field(metadata=EXCLUDED)
    """SHA-256 of the source, hexadecimal; it identifies the data."""
    inputs: Array = field(compare=False, repr=False, metadata=CONTENT)
    """(rows, features), float64, read-only."""
    targets: Array = field(compare=False, repr=False, metadata=CONTENT)
    """(rows, columns), float64, read-only."""

    def generate(self) -> tuple[Array, Array]:
        return self.inputs, self.targets


def given(
    inputs: Array, targets: Array, class_names: Sequence[str] = (), name: str = "given data"
) -> GivenData:
    """Return a data set of copies of these arrays, for a `Problem`.

    ``inputs`` are (rows, features) and ``targets`` (rows,) or (rows, columns). Classes are whole
    numbers 0 … C−1 as targets, and ``class_names`` has a name for each.

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


def _frozen(name: str, values: Array) -> Array:
    array: Array = np.array(values, dtype=np.float64, order="C")
    if not np.isfinite(array).all():
        raise UserError(f"{name}: a number is not finite")
    array.setflags(write=False)
    return array


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
    class_names=("malignant", "benign"),
)

DIGITS = Digits(
    name="handwritten digits",
    rows=1797,
    features=64,
    target_name="digit",
    row_name="image",
    class_names=tuple("0123456789"),
)
