"""Read the data of a training, and prepare a PyTorch module that is trained as it is.

No framework is imported: a type is identified by its name and its module's.
"""

from __future__ import annotations

import io
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil, prod
from operator import index
from pathlib import Path
from typing import Any, NamedTuple, get_args

import cloudpickle
import numpy as np

from perceptron.errors import UserError, in_one_line, unknown
from perceptron.measure.pickled import to_send
from perceptron.problems.batches import Last
from perceptron.problems.problem import DType, Feed, Loss
from perceptron.questions.fastest.measured_shape import TrainingShape

# The rate of an optimizer given by name: it does not change how long a step takes.
_RATE = 0.01


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
    """Return a whole number from ``least`` up as an int, NumPy's too; else raise `UserError`."""
    try:
        number = index(value)
    except TypeError:
        number = least - 1
    if isinstance(value, bool) or number < least:
        raise UserError(f"{name}: {value!r} is no whole number from {least} up")
    return number


def is_a(value: object, module: str, name: str) -> bool:
    """Return whether a value is an instance of this class of a library, which is not imported."""
    classes = type(value).__mro__
    return any(cls.__name__ == name and cls.__module__.startswith(module) for cls in classes)


def name_of(value: object) -> str:
    """Return the name of a class or a function, or of a value's class."""
    return str(getattr(value, "__name__", type(value).__name__))


def data_of(inputs: Any, targets: Any, batch: object) -> Data:
    """Return the shape of arrays, tensors or tables of (rows, …), or of a DataLoader's data.

    Raises `UserError` naming the argument that cannot be used.
    """
    if is_a(inputs, "torch.utils.data", "DataLoader"):
        for name, value in {"targets": targets, "batch": batch}.items():
            if value is not None:
                raise UserError(f"{name}: the DataLoader has its own: leave {name} out")
        return _loaded(inputs)
    size = None if batch is None else whole("batch", batch)
    rows, *row = _shape("inputs", inputs)
    target_rows, *columns = _shape("targets", targets)
    if rows != target_rows:
        raise UserError(f"targets: {target_rows:,} rows do not fit the {rows:,} of inputs")
    if size is not None and size > rows:
        raise UserError(f"batch: {size:,} is more than the {rows:,} rows of inputs")
    return Data(tuple(row), rows, prod(columns), size)


def _loaded(loader: Any) -> Data:
    """Return the shape of a DataLoader's data, from its first row."""
    if loader.batch_size is None:
        raise UserError("inputs: the DataLoader has no batch_size: give arrays and batch=")
    dataset = loader.dataset
    try:
        rows = len(loader.sampler)
        with _random_state_restored():
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
    # A larger batch size gives one batch of all rows.
    return Data(row, rows, prod(columns), min(loader.batch_size, rows), last, "host")


def _shape(name: str, values: Any, axes: int = 1) -> tuple[int, ...]:
    """Return the shape of an array, a tensor, a table or a list of at least ``axes`` axes."""
    if values is None:
        raise UserError(f"{name}: give those that the model is trained on, or a DataLoader")
    try:
        lengths = tuple(getattr(values, "shape", None) or np.shape(values))
        shape = tuple(whole(name, length) for length in lengths)
    except ValueError:  # a list whose rows differ in length
        shape = ()
    if len(shape) < axes:
        raise UserError(f"{name}: {name_of(values)} is no array: give (rows, …)")
    return shape


def first_batch(inputs: Any, targets: Any, data: Data) -> tuple[Any, Any]:
    """Return inputs and targets of one iteration, as the arguments or the DataLoader have them."""
    rows = data.batch or data.rows
    if targets is not None:
        return inputs[:rows], targets[:rows]
    with _random_state_restored():
        batch_inputs, batch_targets = inputs.collate_fn(
            [inputs.dataset[row] for row in range(rows)]
        )
    return batch_inputs, batch_targets


@contextmanager
def _random_state_restored() -> Iterator[None]:
    """Restore the program's random states after the block: a data set may draw numbers."""
    torch = sys.modules["torch"]
    before = random.getstate(), np.random.get_state(), torch.get_rng_state()
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])
        torch.set_rng_state(before[2])


# --- a PyTorch module that no other backend can train ---------------------------------------------


class UnsupportedModule(Exception):
    """Only PyTorch can train this; the message names the part that no other backend has."""


class AsItIs(NamedTuple):
    """A training that PyTorch alone can do, with the user's module, loss and optimizer."""

    model: Any
    loss: Any
    """A function of the model's output and the targets."""
    optimizer: Any
    """Over the model's parameters."""
    batch: tuple[Any, Any]
    """Tensors: inputs and targets of an iteration."""
    data: Data
    part: str
    """The part of the module that no other backend has."""

    @property
    def dtype(self) -> DType:
        """The dtype of its rows in the cache."""
        first = next(self.model.parameters()).dtype
        return "float64" if str(first) == "torch.float64" else "float32"

    @property
    def shape(self) -> TrainingShape:
        """Its shape, with a variant that no other training has."""
        data = self.data
        return TrainingShape(
            rows=data.rows,
            features=data.features,
            outputs=max(1, data.columns),
            batch=data.batch,
            optimizer=name_of(self.optimizer).lower(),
            feed=data.feed,
            variant="as it is",
        )

    def write(self, file: Path) -> None:
        """Write it for workers; raise `UserError` if it cannot be pickled."""
        packed = io.BytesIO()
        parts = self.model, self.loss, self.optimizer, self.batch, self.data.feed
        try:
            # It keeps the device of tensors, and parameters that model and optimizer share.
            sys.modules["torch"].save(parts, packed, pickle_module=cloudpickle)
        except Exception as error:  # noqa: BLE001 a type of the user's may raise anything
            reason = f"model: cannot be pickled for worker processes: {in_one_line(error)}"
            raise UserError(reason) from None
        file.write_bytes(to_send(packed.getvalue()))


def tensors(batch: tuple[Any, Any], dtype: Any) -> tuple[Any, Any]:
    """Return inputs and targets as tensors, floating-point ones in this dtype."""
    inputs, targets = (_tensor(values, dtype) for values in batch)
    return inputs, targets


def _tensor(values: Any, dtype: Any) -> Any:
    torch = sys.modules["torch"]
    if isinstance(values, torch.Tensor):
        # A slice would be pickled with all of the data.
        return values.detach().clone().requires_grad_(values.requires_grad)
    array = np.array(values)
    made = torch.as_tensor(array.astype(array.dtype.newbyteorder("="), copy=False))
    if made.is_floating_point():
        return made.to(dtype)
    return made.long() if made.dtype is torch.int32 else made


def loss_in_torch(loss: Any) -> Any:
    """Return the loss as a function of outputs and targets; raise `UserError` if unknown."""
    from perceptron.backends.torch_eager import loss_of

    names = get_args(Loss)
    if loss is None:
        raise UserError("loss: give the one that is minimised, such as nn.CrossEntropyLoss()")
    if loss in names:
        return loss_of(loss)
    if isinstance(loss, str):
        losses = [name for name in dir(sys.modules["torch"].nn) if name.endswith("Loss")]
        if loss not in losses:
            raise unknown("loss", loss, [*names, *losses])
        loss = getattr(sys.modules["torch"].nn, loss)
    if isinstance(loss, type):
        return loss()
    if not callable(loss):
        raise UserError(f"loss: {loss!r} is no loss: give one such as nn.CrossEntropyLoss()")
    return loss


def optimizer_in_torch(optimizer: Any, trained: list[Any]) -> Any:
    """Return the optimizer over these parameters; raise `UserError` if it has none of them."""
    if is_a(optimizer, "torch.optim", "Optimizer"):
        held = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
        if held.isdisjoint(map(id, trained)):
            raise UserError("optimizer: it has none of the model's parameters")
        return optimizer
    made = {"sgd": "SGD", "adam": "Adam", "adamw": "AdamW"}
    name = "sgd" if optimizer is None else optimizer
    if name not in made:
        raise unknown("optimizer", str(name), made)
    kind = getattr(sys.modules["torch"].optim, made[name])
    return kind(trained, lr=_RATE) if name == "sgd" else kind(trained)
