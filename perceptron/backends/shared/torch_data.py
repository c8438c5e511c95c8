"""The training part of a problem as tensors of PyTorch, where a trainer takes its rows from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perceptron.backends.shared.torch_feed import Feed, FromHost, Resident
from perceptron.problems.datasets import Array
from perceptron.problems.problem import Problem, classes_of

if TYPE_CHECKING:
    import torch

# Where nothing is copied to: host memory is the device's, and on meta there are no values.
_IN_PLACE = ("cpu", "meta")


class TrainingData:
    """Inputs (rows, features) and targets of the rows to train on, and the orders of their batches.

    They lie on ``device``, or in host memory where the problem is fed from there. With ``classes``
    the targets of cross-entropy are classes, as PyTorch's loss takes them; else (rows, outputs).
    ``orders`` is empty where all rows are one batch. Rows lie along ``axis``: 0, or 1 where each of
    several models has its own, (models, rows, features).
    """

    def __init__(
        self, problem: Problem, dtype: torch.dtype, device: torch.device, *, classes: bool
    ) -> None:
        import torch

        self.device, self.batches = device, problem.batches
        self.is_copied = problem.feed == "host" and device.type not in _IN_PLACE
        where = torch.device("cpu") if self.is_copied else device
        part, _ = problem.parts()
        self.axis = 1 if problem.folds else 0
        self.inputs = tensor(part.inputs, dtype, where)
        if classes and problem.loss == "cross-entropy":
            self.targets = torch.tensor(classes_of(part.targets), device="cpu").to(where)
        else:
            self.targets = tensor(part.targets, dtype, where)
        self.orders = torch.empty(0, dtype=torch.int64, device=where)
        if self.batches is not None:
            self.orders = torch.from_numpy(self.batches.orders).to(where)

    def feed(self, most: int = 1) -> Feed:
        """Return what gives at most so many batches at a time."""
        import torch

        data = (self.inputs, self.targets, self.orders)
        if not self.is_copied:
            return Resident(*data, axis=self.axis)
        assert self.batches is not None
        event = getattr(torch, self.device.type).Event
        return FromHost(*data, most * self.batches.size, self.device, event, axis=self.axis)

    @property
    def rows(self) -> int:
        """How many there are to train on, of each model."""
        return int(self.inputs.shape[self.axis])


def tensor(array: Array, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """Return a copy of an array on a device, converted before it goes there.

    A copy: data sets are read-only, and torch would warn that it cannot promise that.
    """
    import torch

    return torch.tensor(array, dtype=dtype, device="cpu").to(device)


def to_host(tensor: torch.Tensor) -> Array:
    """Return a tensor as an array of NumPy's, which may share its memory.

    It is float32 where NumPy has no such type.
    """
    import torch

    values = tensor.detach().cpu()
    array: Array = (values.float() if values.dtype == torch.bfloat16 else values).numpy()
    return array
