"""The kernels that an iteration dispatches: counted without a GPU, and without computing.

On PyTorch's meta device tensors have shapes and no values: the same operations are dispatched as
on a CPU or a GPU, but nothing is computed. An operation is a kernel, whatever its namespace, if it
has a tensor as input or output and is neither a view nor an allocation. Operations that only record
an event, such as the profiler's around an optimizer's step, touch no tensor.

One operation counts as one kernel, except on lists of tensors with different layouts, which CUDA
takes tensor by tensor. A device may launch more, such as separate kernels for a product and its
bias, or for a list of a hundred tensors: `profile` in `measure.extras` counts them on a device.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from math import prod
from typing import TYPE_CHECKING, Any

from perceptron.backends.protocol import Trainer

if TYPE_CHECKING:
    import torch


# Make a tensor without writing to it, or read a number for Python; the last is in effect a view.
_NO_KERNEL = (
    "aten.empty",
    "aten.new_empty",
    "aten.resize_",
    "aten._local_scalar_dense",
    "aten._unsafe_view",
)
# These read only the rows that they take.
_GATHERS = ("aten.index_select", "aten.index.")


@dataclass(frozen=True)
class Kernel:
    """A dispatched operation: its name, and the least that it must compute, read and write."""

    name: str
    operations: float
    """Floating-point operations; of a matrix product two for each multiplication and addition.

    For a batched product, the sum over all of its products.
    """
    bytes_moved: float
    """Sizes of all input and output tensors, each counted once."""


def trace(make: Callable[[], Trainer], counts_host: bool = True) -> list[Kernel]:
    """Return the kernels of one iteration, in their order, without views and allocations.

    ``make`` builds the trainer, whose tensors are on the meta device. The second iteration is
    traced: the first allocates tensors that later ones reuse. Adam's step count is a tensor in host
    memory; operations on it are kernels unless ``counts_host`` is False.
    """
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    kernels: list[Kernel] = []

    class Tracer(TorchDispatchMode):  # type: ignore[no-untyped-call]
        """Passes every operation on and records those that are kernels."""

        def __torch_dispatch__(self, function, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            result = function(*args, **(kwargs or {}))
            name = str(function)
            tensors = list(_tensors((args, tuple((kwargs or {}).values()), result)))
            if tensors and not (function.is_view or name.startswith(_NO_KERNEL)):
                if any(tensor.is_meta for tensor in tensors):
                    kernels.extend(_launched(name, args, result))
                elif counts_host:
                    kernels.append(_kernel(name, args, result))
            return result

    with torch.device("meta"):
        trainer = make()
    tracer: Any = Tracer()  # type: ignore[no-untyped-call]
    with capturable_anywhere():
        trainer.train(1)
        with tracer:
            trainer.train(1)
    return kernels


@contextmanager
def capturable_anywhere() -> Iterator[None]:
    """Let PyTorch's optimizers be ``capturable`` on CPU and meta, as on a device with graphs."""
    modules = [import_module(f"torch.optim.{name}") for name in ("adam", "adamw")]
    name = "_get_capturable_supported_devices"
    before = [(module, getattr(module, name)) for module in modules if hasattr(module, name)]
    for module, _ in before:
        setattr(module, name, lambda *_, **__: ["cpu", "meta"])
    try:
        yield
    finally:
        for module, value in before:
            setattr(module, name, value)


def _launched(name: str, arguments: Any, result: Any) -> list[Kernel]:
    """Return the kernels that CUDA launches for an operation, each with its share of the work."""
    kernel = _kernel(name, arguments, result)
    if not name.startswith("aten._foreach"):
        return [kernel]
    lists = [tensors for tensors in (*arguments, result) if _is_tensor_list(tensors)]
    if _lie_alike(lists):
        return [kernel]
    sizes = [tensor.numel() for tensor in lists[0] if tensor.numel()]
    total = sum(sizes)
    return [
        Kernel(name, kernel.operations * size / total, kernel.bytes_moved * size / total)
        for size in sizes
    ]


def _is_tensor_list(values: Any) -> bool:
    return isinstance(values, list | tuple) and any(True for _ in _tensors(values))


def _kernel(name: str, arguments: Any, result: Any) -> Kernel:
    inputs, outputs = list(_tensors(arguments)), list(_tensors(result))
    if name.startswith("aten._foreach") and result is None:  # it changed its first list in place
        outputs = list(_tensors(arguments[0]))
    elif name.startswith("aten._fused"):  # all but the gradients, its second
        outputs = list(_tensors((arguments[0], *arguments[2:])))
    tensors_read = [*inputs[1:], *outputs] if name.startswith(_GATHERS) else inputs
    moved = sum(_values(tensor) * tensor.element_size() for tensor in (*tensors_read, *outputs))
    operations = sum(tensor.numel() for tensor in (outputs or inputs))
    if "mm" in name.split(".")[1]:
        left, right = [tensor for tensor in inputs if tensor.dim() >= 2][-2:]
        operations = 2 * left.numel() * right.shape[-1]
    return Kernel(name, float(operations), float(moved))


def _values(tensor: Any) -> int:
    """Return the number of a tensor's values in memory; a broadcast axis counts once."""
    of_axes = zip(tensor.shape, tensor.stride(), strict=True)
    return prod(size for size, stride in of_axes if stride)


def _tensors(values: Any) -> Iterator[Any]:
    import torch

    if isinstance(values, torch.Tensor):
        yield values
    elif isinstance(values, list | tuple):
        for value in values:
            yield from _tensors(value)


def _lie_alike(lists: Sequence[Sequence[torch.Tensor]]) -> bool:
    """Return whether CUDA takes these lists in one kernel, not tensor by tensor.

    They must be of one dtype, and corresponding tensors of one shape and one layout in memory: see
    ``check_fast_path_restrictions`` in PyTorch's ``ATen/native/ForeachUtils.h``.
    """
    first_list = lists[0]
    return all(
        tensor.dtype == first_list[0].dtype
        and tensor.shape == like.shape
        and _strides(tensor) == _strides(like)
        for tensors in lists
        for tensor, like in zip(tensors, first_list, strict=True)
    )


def _strides(tensor: torch.Tensor) -> list[int]:
    return [stride for stride, size in zip(tensor.stride(), tensor.shape, strict=True) if size != 1]
