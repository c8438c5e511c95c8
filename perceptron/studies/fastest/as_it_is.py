"""A PyTorch module that no other backend can train: told from others, and packed for a worker."""

from __future__ import annotations

import hashlib
import inspect
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, cast, get_args

import cloudpickle
import numpy as np

from perceptron.analysis.work import TrainingShape, Work
from perceptron.errors import UserError, in_one_line, unknown
from perceptron.measure.pickled import to_send
from perceptron.problems.optimizer import OptimizerName
from perceptron.problems.problem import DType, Loss
from perceptron.studies.fastest.data import Data, is_a, name_of

# What a module has beside parameters that may decide what its forward does.
_PLAIN = (bool, int, float, str, type(None))
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
    def work(self) -> Work:
        """What tells it from every other training; nothing of it is counted."""
        data = self.data
        shape = TrainingShape(
            rows=data.rows,
            features=data.features,
            outputs=max(1, data.columns),
            batch=data.batch,
            optimizer=name_of(self.optimizer).lower(),
            feed=data.feed,
            module=_digest(self),
        )
        return Work(
            shape=shape,
            iterations_per_epoch=data.iterations_per_epoch,
            operations=0,
            bytes_moved=0,
            parameters=sum(one.numel() for one in self.model.parameters()),
            activations=0,
            state_arrays=0,
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


def as_it_is(
    model: Any, data: Data, loss: Any, optimizer: Any, batch: tuple[Any, Any], part: str
) -> AsItIs:
    """Return the training of a module as it is; raise `UserError` for parts that cannot be."""
    trained = [one for one in model.parameters() if one.requires_grad]
    if not trained:
        raise UserError("model: it has no parameters to train")
    inputs, targets = (_tensor(one, trained[0].dtype) for one in batch)
    return AsItIs(model, _loss(loss), _optimizer(optimizer, trained), (inputs, targets), data, part)


def _tensor(values: Any, dtype: Any) -> Any:
    """Return a tensor; what is none becomes one as a program would make it for this model."""
    torch = sys.modules["torch"]
    if isinstance(values, torch.Tensor):
        return values
    made = torch.as_tensor(np.asarray(values))
    if made.is_floating_point():
        return made.to(dtype)
    return made.long() if made.dtype is torch.int32 else made


def _loss(loss: Any) -> Any:
    if isinstance(loss, str) and loss in get_args(Loss):
        from perceptron.backends.shared.torch_trainer import loss_of

        return loss_of(cast("Loss", loss))
    if isinstance(loss, str):
        loss = getattr(sys.modules["torch"].nn, loss, loss)
    if isinstance(loss, str):
        raise unknown("loss", loss, get_args(Loss))
    if isinstance(loss, type):
        return loss()
    if not callable(loss):
        raise UserError(f"loss: {loss!r} is no loss: give one such as nn.CrossEntropyLoss()")
    return loss


def _optimizer(optimizer: Any, trained: list[Any]) -> Any:
    if is_a(optimizer, "torch.optim", "Optimizer"):
        held = {id(one) for group in optimizer.param_groups for one in group["params"]}
        if held.isdisjoint(map(id, trained)):
            raise UserError("optimizer: it has none of the model's parameters")
        return optimizer
    made = {"sgd": "SGD", "adam": "Adam", "adamw": "AdamW"}
    name = "sgd" if optimizer is None else optimizer
    if name not in made:
        raise unknown("optimizer", str(name), get_args(OptimizerName))
    return getattr(sys.modules["torch"].optim, made[name])(trained, lr=_RATE)


# --- what makes it another training --------------------------------------------------------------


def _digest(training: AsItIs) -> str:
    """Return 12 hexadecimal digits of all that may change how long an iteration takes.

    Values of parameters and the rate do not. Of the code it is the files of the modules' classes
    and of the loss: what those call in other files is not looked at.
    """
    parts = hashlib.sha256()
    for text in _told(training):
        parts.update(text.encode())
        parts.update(b"\n")
    return parts.hexdigest()[:12]


def _told(training: AsItIs) -> Iterator[str]:
    kinds = {type(training.loss): training.loss}
    for path, module in training.model.named_modules():
        kinds[type(module)] = type(module)
        yield f"{path} {type(module).__qualname__} {module!r}"
        yield repr(sorted((k, v) for k, v in vars(module).items() if isinstance(v, _PLAIN)))
    tensors = [*training.model.named_parameters(), *training.model.named_buffers()]
    for name, tensor in [*tensors, *zip(("inputs", "targets"), training.batch, strict=True)]:
        yield f"{name} {tuple(tensor.shape)} {tensor.dtype} {tensor.requires_grad}"
    yield repr(training.loss) if is_a(training.loss, "torch.nn", "Module") else ""
    yield type(training.optimizer).__qualname__
    for group in training.optimizer.param_groups:
        plain = {k: v for k, v in group.items() if k not in ("params", "lr", "initial_lr")}
        yield f"{len(group['params'])} {plain}"
    for kind in kinds.values():
        if not getattr(kind, "__module__", "").startswith("torch."):
            yield _code_of(kind)


def _code_of(value: Any) -> str:
    """Return the file that a class or a function is from, or itself where it is from none."""
    value = value if inspect.isclass(value) or inspect.isfunction(value) else type(value)
    try:
        file = inspect.getsourcefile(value)
        return Path(file or "").read_text(encoding="utf-8")
    except (OSError, TypeError, ValueError):
        return hashlib.sha256(cloudpickle.dumps(value)).hexdigest()
