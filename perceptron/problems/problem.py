"""A problem: data, layers, loss, batches, optimizer and start, which a backend trains."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Literal

import numpy as np

from perceptron.errors import UserError
from perceptron.problems.batches import Batches, Last
from perceptron.problems.datasets import Array, Dataset, Part
from perceptron.problems.definition import ADDED, EXCLUDED, definition_digest
from perceptron.problems.held_out import in_folds
from perceptron.problems.optimizer import Optimizer
from perceptron.problems.start import Start

Activation = Literal["sigmoid", "identity", "tanh", "relu"]
Loss = Literal["l1-sum", "l1-mean", "mse", "bce", "cross-entropy"]
Feed = Literal["resident", "host"]
DType = Literal["float32", "float64"]

DTYPES: tuple[DType, ...] = ("float32", "float64")
ITEMSIZE: dict[DType, int] = {"float32": 4, "float64": 8}


class Unsupported(Exception):
    """A backend cannot train a problem; the message is the reason, in one line."""


@lru_cache(maxsize=2)
def _shared(batches: Batches) -> Batches:
    """Return an equal object from the cache, so that the orders are drawn once."""
    return batches


@dataclass(frozen=True)
class Layer:
    """A dense layer: ``activation(inputs @ weights + bias)``."""

    width: int
    activation: Activation


@dataclass(frozen=True)
class Problem:
    """Dense layers, trained on a data set batch by batch; or ``models`` of them at once.

    ``name`` identifies the problem in rows, ``reference`` finds it in another process
    (`catalogue.find`); they differ for a model file, which is named after its contents.

    The losses, for predictions f and targets t of N values (rows × outputs): ``l1-sum`` Σ|f−t|,
    ``l1-mean`` Σ|f−t|/N, ``mse`` Σ(f−t)²/N and ``bce`` −Σ(t·log f + (1−t)·log(1−f))/N, whose
    logarithms are cut off at −100 as PyTorch's are; ``cross-entropy`` is the mean over the rows of
    −log softmax(f) at the row's class, where f are the values of a last layer without activation.

    ``iterations`` is the length of a whole training. ``size`` is the problem's position on its
    family's axis; for a family with two axes it is the product of ``sizes``.

    An iteration is a step on ``batch`` rows (all rows if None), in the order of `batches`.
    ``feed`` is their source: ``resident`` data lie on the device before the clock starts;
    ``host`` data are gathered in host memory and copied to the device in the timed loop.

    ``models`` are independent trainings of the same shape with different starts; an iteration is a
    step of all, on the batch that a single model would take. They share the data; with ``folds``
    the rows are divided into as many folds as there are models, and model i trains on all but
    fold i. `single` returns the training of one model.
    """

    name: str = field(metadata=EXCLUDED)
    family: str = field(metadata=EXCLUDED)
    size: int = field(metadata=EXCLUDED)
    dataset: Dataset
    layers: tuple[Layer, ...]
    loss: Loss
    optimizer: Optimizer
    start: Start
    iterations: int = field(default=10_000, metadata=EXCLUDED)
    sizes: tuple[int, int] | None = field(default=None, metadata=EXCLUDED)
    axes: tuple[str, ...] = field(default=(), metadata=EXCLUDED)
    """The meaning of ``size``, or of each of ``sizes``: ``rows``, ``batch``, ``width`` …"""
    reference: str = field(default="", metadata=EXCLUDED)
    """Empty means the name."""
    batch: int | None = None
    last: Last = "keep"
    feed: Feed = "resident"
    order_seed: int = 1
    models: int = field(default=1, metadata=ADDED)
    folds: bool = field(default=False, metadata=ADDED)

    def __post_init__(self) -> None:
        if not self.reference:
            object.__setattr__(self, "reference", self.name)
        if self.models < 1:
            raise UserError(f"models: {self.models} is not at least 1")
        if self.folds and self.dataset.of_model(0) is self.dataset:
            object.__setattr__(self, "dataset", in_folds(self.dataset, self.models))
        if self.batch is None:
            if self.feed == "host":
                raise UserError("feed: 'host' is for batches: give a batch")
        elif not 1 <= self.batch <= self.dataset.rows:
            raise UserError(
                f"batch: {self.batch} is not between 1 and the {self.dataset.rows} rows to train on"
            )

    @cached_property
    def digest(self) -> str:
        """A digest of the training's definition: data, layers, loss, optimizer, batches, start.

        Names and the number of iterations are not part of it.
        """
        return definition_digest(self)

    @property
    def rate(self) -> float:
        """The learning rate of the optimizer."""
        return self.optimizer.rate

    @property
    def outputs(self) -> int:
        """Width of the last layer."""
        return self.layers[-1].width

    @property
    def step_rows(self) -> int:
        """Number of rows of an iteration."""
        return self.dataset.rows if self.batch is None else self.batch

    @property
    def batches(self) -> Batches | None:
        """The batches of the iterations; None if each iteration takes all rows."""
        if self.batch is None:
            return None
        return _shared(Batches(self.dataset.rows, self.batch, self.last, self.order_seed))

    @property
    def iterations_per_epoch(self) -> int:
        """Number of iterations of a pass over the rows."""
        return self.batches.per_epoch if self.batches else 1

    def training_part(self) -> Part:
        """Return inputs (rows, features) and targets to train on; float64, read-only.

        Targets have the form that the loss takes, see `targets_for`. Raises `Unsupported`
        with ``folds``, where each model has other rows.
        """
        self._assert_shared()
        return self.parts()[0]

    def held_out_part(self) -> Part | None:
        """Return the test set, as `training_part` does; None without one."""
        self._assert_shared()
        return self.parts()[1]

    def parts(self) -> tuple[Part, Part | None]:
        """Return the training rows, and the test set or None.

        With ``folds`` arrays have an axis of models in front: (models, rows, features).
        """
        train, held_out = self.dataset.parts()
        return self._with_targets(train), None if held_out is None else self._with_targets(held_out)

    def _assert_shared(self) -> None:
        if self.folds:
            self.require_one_model()

    def _with_targets(self, part: Part) -> Part:
        if part.targets.ndim == 2:
            return Part(part.inputs, targets_for(part.targets, self.loss, self.outputs))
        targets = [targets_for(values, self.loss, self.outputs) for values in part.targets]
        return Part(part.inputs, np.stack(targets))

    @property
    def widths(self) -> tuple[int, ...]:
        """Number of features, then the width of each layer."""
        return (self.dataset.features, *(layer.width for layer in self.layers))

    @property
    def hidden(self) -> tuple[int, ...]:
        """Widths of the hidden layers; empty for a perceptron."""
        return self.widths[1:-1]

    def start_parameters(self) -> list[Array]:
        """Return fresh float64 arrays [weights 1, bias 1, weights 2, …]; see `Start.parameters`.

        Raises `Unsupported` for several models; see `stacked_start`.
        """
        self.require_one_model()
        return self.start.parameters(self.widths)

    def require_one_model(self) -> None:
        """Raise `Unsupported` for several models."""
        if self.models > 1:
            raise Unsupported(f"trains one model at a time, not {self.models:,} together")

    def stacked_start(self) -> list[Array]:
        """Return the start of all models: [weights 1 (models, fan in, fan out), bias 1 …], float64.

        The first axis is there for a single model too.
        """
        return self.start.stacked(self.widths, self.models)

    def single(self, index: int) -> Problem:
        """Return the training of model ``index`` alone, counted from 0."""
        return replace(
            self,
            name=f"{self.name}, model {index}",
            models=1,
            folds=False,
            dataset=self.dataset.of_model(index),
            start=self.start.of_model(index),
        )

    def with_seed(self, seed: int) -> Problem:
        """Return the same training with another start and another order of rows.

        Seed 0 changes neither.
        """
        start, order_seed = self.start.of_model(seed), self.order_seed + seed
        return replace(self, start=start, order_seed=order_seed)


def parameter_names(problem: Problem) -> list[str]:
    """Return the name of each array of `Problem.start_parameters`, for messages."""
    if len(problem.layers) == 1:
        return ["weights", "bias"]
    numbers = range(1, len(problem.layers) + 1)
    return [f"{kind} of layer {number}" for number in numbers for kind in ("weights", "bias")]


def targets_for(values: Array, loss: Loss, outputs: int) -> Array:
    """Return targets (rows, ``outputs``), float64, in the form that the loss takes.

    Targets of that shape are unchanged under any loss but ``cross-entropy``. Classes, (rows, 1)
    whole numbers 0 … C−1, become one-hot rows under ``cross-entropy``, and under other losses if
    there are C outputs. `classes_of` is the inverse.

    Raises `UserError` if the targets are not classes, or the number of columns does not fit.
    """
    if loss != "cross-entropy" and values.shape[1] == outputs:
        return values
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
    one_hot = np.zeros((len(column), outputs))
    one_hot[np.arange(len(column)), column.astype(np.int64)] = 1.0
    one_hot.setflags(write=False)
    return one_hot


def classes_of(targets: Array) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the class of each row, (rows,) int64, from targets (rows, classes).

    For several models both have an axis of models in front.
    """
    classes: np.ndarray[tuple[int], np.dtype[np.int64]] = np.argmax(targets, axis=-1)
    return classes
