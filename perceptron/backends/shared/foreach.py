"""How many kernels CUDA launches for one operation on lists of tensors (``torch._foreach_…``).

One kernel takes as many tensors as fit into its arguments, cut into chunks of a fixed length.
The numbers and the rule are those of PyTorch's ``ATen/native/cuda/MultiTensorApply.cuh``
(``depth_to_max_tensors``, ``depth_to_max_blocks``, ``kChunkSize``), which PyTorch installs among
its headers; whether a list may go that way at all is ``check_fast_path_restrictions`` in
``ATen/native/ForeachUtils.h``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import torch

_CHUNK = 65_536


class Limits(NamedTuple):
    """What one launch takes at most; the first of the numbers is for one list, and so on."""

    tensors: tuple[int, ...]
    tensors_with_scalars: tuple[int, ...]
    """Where each tensor brings a number of its own."""
    chunks: int


SMALL = Limits((110, 64, 48, 36, 30), (96, 64, 48, 36, 30), 320)
"""Of 4 KiB for a kernel's arguments: CUDA before 13, ROCm, and PyTorch up to 2.11 or so."""
LARGE = Limits((770, 448, 336, 252, 210), (672, 448, 336, 252, 210), 2240)
"""Of 32 KiB: CUDA from 13 up, where this PyTorch's header says so."""


@cache
def limits() -> Limits:
    """Return the limits of the installed PyTorch; of one without CUDA, those of most GPUs."""
    import torch

    if torch.version.cuda is None or int(torch.version.cuda.split(".")[0]) < 13:
        return SMALL
    header = Path(torch.__file__).parent / "include/ATen/native/cuda/MultiTensorApply.cuh"
    try:
        text = header.read_text(encoding="utf-8")
    except OSError:
        return SMALL
    return LARGE if "CUDART_VERSION >= 13000" in text else SMALL


def launches(
    sizes: Sequence[int], lists: int, has_scalars: bool = False, most: Limits = SMALL
) -> list[int]:
    """Return how many elements each launch takes, for tensors of these ``sizes``.

    ``lists`` counts all lists that go in or come out, each of tensors of these sizes.
    """
    tensors_at_most = (most.tensors_with_scalars if has_scalars else most.tensors)[lists - 1]
    done, tensors, chunks, elements = [], 0, 0, 0
    for size in filter(None, sizes):
        tensors += 1
        for begin in range(0, size, _CHUNK):
            chunks += 1
            elements += min(_CHUNK, size - begin)
            is_last = begin + _CHUNK >= size
            if chunks == most.chunks or (is_last and tensors == tensors_at_most):
                done.append(elements)
                # A tensor that is not through yet goes into the next launch as well.
                tensors, chunks, elements = (0 if is_last else 1), 0, 0
    return [*done, elements] if chunks else done


def is_one_kernel(lists: Sequence[Sequence[torch.Tensor]]) -> bool:
    """Return whether CUDA takes these lists together; otherwise tensor by tensor.

    They must be of one dtype, and corresponding tensors of one shape and one layout in memory.
    """
    first = lists[0]
    return all(
        tensor.dtype == first[0].dtype
        and tensor.shape == like.shape
        and _strides(tensor) == _strides(like)
        for tensors in lists
        for tensor, like in zip(tensors, first, strict=True)
    )


def _strides(tensor: torch.Tensor) -> list[int]:
    return [stride for stride, size in zip(tensor.stride(), tensor.shape, strict=True) if size != 1]
