"""A PyTorch module that no other backend can train, packed for a worker."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any, NamedTuple, get_args

import cloudpickle
import numpy as np

from perceptron.errors import UserError, in_one_line, unknown
from perceptron.measure.pickled import to_send
from perceptron.problems.problem import DType, Loss
from perceptron.questions.fastest.data import Data, is_a, name_of
from perceptron.questions.fastest.measured_shape import TrainingShape

_RATE = 0.01


class NotOurs(Exception):
    """Only PyTorch can train this; the message names the part that no other backend has."""


class AsItIs(NamedTuple):
    """A training as PyTorch does it, of which nothing is known but what its parts say."""

    model: Any
    loss: Any
    """Called with what the model returns, and targets."""
    optimizer: Any
    """Over the model's parameters."""
    batch: tuple[Any, Any]
    """Tensors: inputs and targets of an iteration."""
    data: Data
    part: str
    """What of it no other backend has."""

    @property
    def dtype(self) -> DType:
        """What its rows are kept under."""
        first = next(self.model.parameters()).dtype
        return "float64" if str(first) == "torch.float64" else "float32"

    @property
    def shape(self) -> TrainingShape:
        """Its shape, like which no other training's is."""
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
        """Write it for workers; raise `UserError` that says what cannot be pickled."""
        packed = io.BytesIO()
        parts = self.model, self.loss, self.optimizer, self.batch, self.data.feed
        try:
            # Tensors of any device, and what the optimizer shares with the model.
            sys.modules["torch"].save(parts, packed, pickle_module=cloudpickle)
        except Exception as error:  # noqa: BLE001 a type of the user's may raise anything
            reason = f"model: cannot be pickled for worker processes: {in_one_line(error)}"
            raise UserError(reason) from None
        file.write_bytes(to_send(packed.getvalue()))


def tensors(batch: tuple[Any, Any], dtype: Any) -> tuple[Any, Any]:
    """Return inputs and targets as a program would make them tensors for a model of this dtype."""
    inputs, targets = (_tensor(one, dtype) for one in batch)
    return inputs, targets


def _tensor(values: Any, dtype: Any) -> Any:
    torch = sys.modules["torch"]
    if isinstance(values, torch.Tensor):
        # Without the rest of the data, which a slice is written with.
        return values.detach().clone().requires_grad_(values.requires_grad)
    array = np.array(values)
    made = torch.as_tensor(array.astype(array.dtype.newbyteorder("="), copy=False))
    if made.is_floating_point():
        return made.to(dtype)
    return made.long() if made.dtype is torch.int32 else made


def loss_in_torch(loss: Any) -> Any:
    """Return what is called with outputs and targets; raise `UserError` for what is no loss."""
    from perceptron.backends.torch_eager import loss_of

    names = get_args(Loss)
    if loss is None:
        raise UserError("loss: give the one that is minimised, such as nn.CrossEntropyLoss()")
    if loss in names:
        return loss_of(loss)
    if isinstance(loss, str):
        known = [name for name in dir(sys.modules["torch"].nn) if name.endswith("Loss")]
        if loss not in known:
            raise unknown("loss", loss, [*names, *known])
        loss = getattr(sys.modules["torch"].nn, loss)
    if isinstance(loss, type):
        return loss()
    if not callable(loss):
        raise UserError(f"loss: {loss!r} is no loss: give one such as nn.CrossEntropyLoss()")
    return loss


def optimizer_in_torch(optimizer: Any, trained: list[Any]) -> Any:
    """Return the optimizer of these parameters; raise `UserError` for what is none of theirs."""
    if is_a(optimizer, "torch.optim", "Optimizer"):
        held = {id(one) for group in optimizer.param_groups for one in group["params"]}
        if held.isdisjoint(map(id, trained)):
            raise UserError("optimizer: it has none of the model's parameters")
        return optimizer
    made = {"sgd": "SGD", "adam": "Adam", "adamw": "AdamW"}
    name = "sgd" if optimizer is None else optimizer
    if name not in made:
        raise unknown("optimizer", str(name), made)
    kind = getattr(sys.modules["torch"].optim, made[name])
    return kind(trained, lr=_RATE) if name == "sgd" else kind(trained)
