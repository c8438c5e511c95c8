"""The base of PyTorch's backends on one device: trainers and data.

Batches are gathered on the device, or in host memory and copied there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle, repeat
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from perceptron import optional
from perceptron.backends.accelerators.protocol import device_type
from perceptron.backends.accelerators.torch_accelerator import TorchAccelerator
from perceptron.backends.protocol import LadderStep, Trainer, thread_variables
from perceptron.backends.shared.evaluation import Scored
from perceptron.problems.datasets import Array
from perceptron.problems.problem import DType, Problem, classes_of

if TYPE_CHECKING:
    import torch

# Devices that need no copy: the CPU's memory is the host's, and on meta there are no values.
_IN_PLACE = ("cpu", "meta")

Pair: TypeAlias = "tuple[torch.Tensor, torch.Tensor]"  # inputs and targets of some rows
Feed: TypeAlias = Callable[[int, int], Pair]
"""A function that returns the batch of the rows ``orders[begin:end]``, on the device, in turn."""

# Three: one is being gathered into, one copied from, and one is spare where the GPU falls behind.
BUFFERS = 3


class TrainingData:
    """Inputs (rows, features) and targets of the training rows, and the orders of their batches.

    They are on ``device``, or in host memory if the problem's ``feed`` is ``host``. With
    ``classes``, targets of cross-entropy are classes, as PyTorch's loss takes them; else (rows,
    outputs). ``orders`` is empty if all rows are one batch. ``axis`` is that of the rows: 0, or 1
    if each of several models has other rows, (models, rows, features).
    """

    def __init__(
        self, problem: Problem, dtype: torch.dtype, device: torch.device, *, classes: bool
    ) -> None:
        import torch

        self.device, self.batches = device, problem.batches
        self.is_copied = problem.feed == "host" and device.type not in _IN_PLACE
        data_device = torch.device("cpu") if self.is_copied else device
        part, _ = problem.parts()
        self.axis = 1 if problem.folds else 0
        self.inputs = tensor(part.inputs, dtype, data_device)
        if classes and problem.loss == "cross-entropy":
            self.targets = torch.tensor(classes_of(part.targets), device="cpu").to(data_device)
        else:
            self.targets = tensor(part.targets, dtype, data_device)
        self.orders = torch.empty(0, dtype=torch.int64, device=data_device)
        if self.batches is not None:
            self.orders = torch.from_numpy(self.batches.orders).to(data_device)

    def feed(self) -> Feed:
        """Return the function that gathers a batch, on the device or from host memory."""
        import torch

        if not self.is_copied:
            return self._gathered
        assert self.batches is not None
        event = getattr(torch, self.device.type).Event
        return self.from_host(self.batches.size, event)

    def _gathered(self, begin: int, end: int) -> Pair:
        rows, axis = self.orders[begin:end], self.axis
        return self.inputs.index_select(axis, rows), self.targets.index_select(axis, rows)

    def from_host(self, size: int, event: Callable[[], Any], pin: bool = True) -> Feed:
        """Return a function that gathers at most ``size`` rows in host memory and copies them.

        From pinned memory a GPU copies by itself, while Python queues the next work. ``BUFFERS``
        take turns: a buffer is written to again only when the device has passed the event after
        its last copy. ``event`` makes an event, on a GPU `torch.cuda.Event`.
        """
        import torch

        axis, device, select = self.axis, self.device, torch.index_select
        all_inputs, all_targets, orders = self.inputs, self.targets, self.orders

        def buffer_for(values: torch.Tensor) -> torch.Tensor:
            shape = (*values.shape[:axis], size, *values.shape[axis + 1 :])
            return torch.empty(shape, dtype=values.dtype, device="cpu", pin_memory=pin)

        buffers = cycle(
            [(buffer_for(all_inputs), buffer_for(all_targets), event()) for _ in range(BUFFERS)]
        )

        def feed(begin: int, end: int) -> Pair:
            rows, size = orders[begin:end], end - begin
            inputs, targets, copied = next(buffers)
            copied.synchronize()
            inputs, targets = inputs.narrow(axis, 0, size), targets.narrow(axis, 0, size)
            select(all_inputs, axis, rows, out=inputs)
            select(all_targets, axis, rows, out=targets)
            batch = (
                inputs.to(device, non_blocking=True),
                targets.to(device, non_blocking=True),
            )
            copied.record()
            return batch

        return feed

    @property
    def rows(self) -> int:
        """Number of training rows of each model."""
        return int(self.inputs.shape[self.axis])


def tensor(array: Array, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """Return a copy of an array on a device, converted to ``dtype`` on the host.

    Data sets are read-only, and torch warns about a tensor that shares their memory.
    """
    import torch

    return torch.tensor(array, dtype=dtype, device="cpu").to(device)


def to_host(tensor: torch.Tensor) -> Array:
    """Return a tensor as a NumPy array, which may share its memory.

    bfloat16, which NumPy lacks, becomes float32.
    """
    import torch

    values = tensor.detach().cpu()
    array: Array = (values.float() if values.dtype == torch.bfloat16 else values).numpy()
    return array


class DeviceTrainer(Scored):
    """Holds the `TrainingData` of a problem; subclasses train on them.

    ``feed`` returns the batches, if there are any.
    """

    feed: Feed

    def __init__(self, problem: Problem, dtype: DType, device: str, *, classes: bool) -> None:
        import torch

        # TF32 products have 10 bits of mantissa: faster, but not float32.
        torch.set_float32_matmul_precision("highest")
        self._problem, self._dtype = problem, getattr(torch, dtype)
        self._device = torch.device(device)
        self._accelerator = TorchAccelerator(self._device.type)
        self.data = TrainingData(problem, self._dtype, self._device, classes=classes)
        self._all_rows: Any = self.data.inputs, self.data.targets
        self._batches, self._iteration = problem.batches, 0

    def train(self, iterations: int) -> None:
        self.queue(iterations)
        self._accelerator.synchronize()

    def queue(self, iterations: int) -> None:
        raise NotImplementedError

    def _fed(self, iterations: int) -> Iterator[Pair]:
        """Return inputs and targets of the next iterations, gathered one by one."""
        begin_iteration = self._iteration
        self._iteration += iterations
        if self._batches is None:
            return repeat(self._all_rows, iterations)
        feed = self.feed
        return (feed(begin, end) for begin, end in self._batches.spans(begin_iteration, iterations))

    def _put(self, array: Array) -> torch.Tensor:
        return tensor(array, self._dtype, self._device)

    def _host(self, tensor: torch.Tensor) -> Array:
        return to_host(tensor)


@dataclass(eq=False)
class OnTorch:
    """Base of PyTorch's backends; subclasses set the trainer's class."""

    imports: ClassVar[tuple[str, ...]] = ("torch",)
    trainer: ClassVar[Any]
    of_several: ClassVar[Any] = None
    """The class of trainer for several models; None if it is ``trainer``."""
    name: str
    device: str
    summary: str
    ladder_step: LadderStep | None = None
    ladder_step_of_models: LadderStep | None = None

    def __post_init__(self) -> None:
        self.accelerator = None if self.device == "cpu" else TorchAccelerator(self.device)

    def unavailable(self) -> str | None:
        reason = optional.missing("torch")
        if reason is not None or self.accelerator is None:
            return reason
        return self.accelerator.unavailable()

    def environment(self, threads: int) -> dict[str, str]:
        return thread_variables(threads)

    def prepare(self, problem: Problem, dtype: DType) -> Trainer:
        trainer: Trainer = self._trainer(problem, dtype, device_type(self))
        trainer.train(2)  # warm up: thread pool, context, first kernels
        trainer.reset()
        return trainer

    def _trainer(self, problem: Problem, dtype: DType, device: str, **options: Any) -> Any:
        """Return the trainer, not warmed up; ``device`` is PyTorch's name of the device."""
        kind = self.of_several if self.of_several and problem.models > 1 else self.trainer
        return kind(problem, dtype, device, **options)
