"""The CUDA device as CuPy drives it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from perceptron import optional
from perceptron.backends.accelerators.protocol import (
    Accelerator,
    Loop,
    Queue,
    cuda_unavailable,
)
from perceptron.problems.problem import DType


def _cupy() -> Any:
    import cupy

    return cupy


class CupyAccelerator(Accelerator):
    """The first CUDA device.

    Peaks of memory are unknown: CuPy's pool does not count them, and a hook that does would be
    called in the timed loop.
    """

    device_type = "cuda"

    def unavailable(self) -> str | None:
        # In this order: without a GPU installing CuPy would be of no use.
        return cuda_unavailable() or optional.missing("cupy")

    def synchronize(self) -> None:
        _cupy().cuda.Device().synchronize()

    def free_memory(self) -> int | None:
        """Return the free bytes of the device and of CuPy's pool."""
        cupy = _cupy()
        free, _ = cupy.cuda.runtime.memGetInfo()
        return int(free) + int(cupy.get_default_memory_pool().free_bytes())

    def release(self) -> None:
        _cupy().get_default_memory_pool().free_all_blocks()

    def busy_seconds(self, queue: Queue, iterations: int) -> float | None:
        """Return None: only PyTorch can hold a device up to read its clock."""
        return None

    def product(self, width: int, dtype: DType) -> Loop:
        xp = _cupy()
        left, right, result = (xp.ones((width, width), dtype) for _ in range(3))
        return self._loop(lambda: left.dot(right, out=result))

    def copy(self, size: int) -> Loop:
        xp = _cupy()
        source, target = (xp.ones(size // 4, "float32") for _ in range(2))
        return self._loop(lambda: xp.copyto(target, source))

    def transfers(self, size: int) -> Mapping[str, Loop]:
        xp = _cupy()
        on_device = xp.ones(size // 4, "float32")
        # From memory that is not pinned the driver copies through a buffer.
        pinned = xp.cuda.alloc_pinned_memory(size)
        host = np.frombuffer(pinned, "float32", size // 4)
        host[...] = 1.0
        return {
            "host to device": self._loop(lambda: on_device.set(host)),
            "device to host": self._loop(lambda: on_device.get(out=host)),
        }

    def versions(self) -> dict[str, str]:
        cuda = _cupy().cuda
        runtime = cuda.runtime.runtimeGetVersion()  # 13020 is 13.2
        cublas = cuda.cublas.getVersion(cuda.device.get_cublas_handle())
        return {"cuda": f"{runtime // 1000}.{runtime % 1000 // 10}", "cublas": str(cublas)}
