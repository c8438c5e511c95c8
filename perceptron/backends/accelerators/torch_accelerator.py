"""A device that PyTorch drives: CUDA (ROCm answers to that name too), Apple's MPS, Intel's XPU."""

from __future__ import annotations

import ctypes
import sys
import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from perceptron.backends.accelerators.protocol import (
    NO_CUDA_DEVICE,
    Accelerator,
    Loop,
    Queue,
    cuda_unavailable,
    device_type_of,
)
from perceptron.problems.problem import DType

# Where the driver of AMD's GPUs is loaded.
_ROCM = Path("/dev/kfd")
# The library of oneAPI's Level Zero, through which PyTorch finds Intel's GPUs.
_LEVEL_ZERO = "libze_loader.so.1"
# How long the device is held up while the host queues: 2**k times this many clock cycles.
_HELD_CYCLES = 2_000_000
_ATTEMPTS = 6


class TorchAccelerator(Accelerator):
    """The first device of a kind.

    If the CPU stands in, there is nothing to wait for, no allocator, and work takes as long as
    queueing it.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind

    @property
    def device_type(self) -> str:
        return device_type_of(self.kind)

    def unavailable(self) -> str | None:
        return None if self.device_type == "cpu" else device_unavailable(self.kind)

    def synchronize(self) -> None:
        if self.device_type not in ("cpu", "meta"):
            self._module().synchronize()

    def reset_peak_memory(self) -> None:
        if reset := getattr(self._module(), "reset_peak_memory_stats", None):
            reset()

    def peak_memory(self) -> int | None:
        peak = getattr(self._module(), "max_memory_allocated", None)
        return None if peak is None else int(peak())

    def free_memory(self) -> int | None:
        """Return the free bytes of the device and of PyTorch's allocator."""
        module = self._module()
        free_and_total = getattr(module, "mem_get_info", None)
        if free_and_total is None:
            return None
        return (
            int(free_and_total()[0])
            + int(module.memory_reserved())
            - int(module.memory_allocated())
        )

    def release(self) -> None:
        if empty := getattr(self._module(), "empty_cache", None):
            empty()

    def uuid(self) -> str | None:
        if self.device_type != "cuda":
            return None
        # Older versions lack it.
        uuid = getattr(self._module().get_device_properties(0), "uuid", None)
        return None if uuid is None else str(uuid)

    def busy_seconds(self, queue: Queue, iterations: int) -> float | None:
        """Return the device's seconds per iteration: `held_up` on CUDA, None on other devices.

        A kernel that only waits holds the device up while the host queues. Work that was queued too
        late, or did not fit into the device's queue, would be timed with the host's pauses: then
        fewer iterations are queued, behind a longer wait.
        """
        if self.device_type == "cpu":
            return super().busy_seconds(queue, iterations)
        if self.device_type != "cuda":
            return None
        return held_up(self._module(), queue, iterations)

    def product(self, width: int, dtype: DType) -> Loop:
        import torch

        torch.set_float32_matmul_precision("highest")
        options = {"dtype": getattr(torch, dtype), "device": self.device_type}
        left, right = torch.ones((width, width), **options), torch.ones((width, width), **options)
        result = torch.empty((width, width), **options)
        return self._loop(lambda: torch.mm(left, right, out=result))

    def copy(self, size: int) -> Loop:
        import torch

        source = torch.ones(size // 4, device=self.device_type)
        target = torch.empty_like(source)
        return self._loop(lambda: target.copy_(source))

    def transfers(self, size: int) -> Mapping[str, Loop]:
        import torch

        host = torch.ones(size // 4, device="cpu")
        if (
            self.device_type == "cuda"
        ):  # from memory that is not pinned the driver copies via a buffer
            host = host.pin_memory()
        on_device = torch.empty_like(host, device=self.device_type)
        return {
            "host to device": self._loop(lambda: on_device.copy_(host, non_blocking=True)),
            "device to host": self._loop(lambda: host.copy_(on_device, non_blocking=True)),
        }

    def versions(self) -> dict[str, str]:
        import torch

        versions = {"cuda": torch.version.cuda, "hip": torch.version.hip}
        if self.device_type == "cuda":
            cudnn = torch.backends.cudnn.version()  # type: ignore[no-untyped-call]
            versions["cudnn"] = None if cudnn is None else str(cudnn)
        return {name: version for name, version in versions.items() if version}

    def _module(self) -> Any:
        import torch

        return getattr(torch, self.device_type)


def held_up(cuda: Any, queue: Queue, iterations: int) -> float | None:
    """Return the device's seconds per iteration; ``cuda`` has what `torch.cuda` has.

    None if the host never gets ahead of the device.
    """
    # CUDA loads a kernel when it is launched first: the device would seem to be held up meanwhile.
    cuda._sleep(1)
    for attempt in range(_ATTEMPTS):
        count = max(1, iterations >> attempt)
        before, begin, end = (cuda.Event(enable_timing=True) for _ in range(3))
        cuda.synchronize()
        before.record()
        cuda._sleep(_HELD_CYCLES << attempt)
        begin.record()
        start = time.perf_counter()
        queue(count)
        end.record()
        queueing = time.perf_counter() - start
        end.synchronize()
        if queueing < before.elapsed_time(begin) / 1e3:
            return float(begin.elapsed_time(end) / 1e3 / count)
    return None


def device_unavailable(device: str) -> str | None:
    """Return why PyTorch cannot use a device of this kind, or None; PyTorch must be installed."""
    if device == "cuda":
        return _torch_cuda_unavailable()
    return surely_unavailable(device) or _accelerator_unavailable(device)


def surely_unavailable(device: str) -> str | None:
    """Return why there is surely no MPS or XPU device, or None. Imports nothing.

    Schedulers bring Level Zero to machines without an XPU: PyTorch must be built for it, too.
    """
    if device == "mps" and sys.platform != "darwin":
        return "no MPS device found: only macOS has them"
    if device == "xpu" and not _is_library(_LEVEL_ZERO):
        return "no XPU device found: Intel's Level Zero is not installed"
    if device == "xpu" and not _has_torch_library("xpu"):
        return "this PyTorch is built without XPU: install a build for xpu"
    return None


def _torch_cuda_unavailable() -> str | None:
    # ROCm's PyTorch calls AMD's devices cuda too.
    reason = None if _ROCM.exists() else cuda_unavailable()
    if reason is not None:
        return reason
    import torch

    if torch.version.cuda is None and torch.version.hip is None:
        return "this PyTorch is built without CUDA: install a CUDA build"
    return None if torch.cuda.is_available() else NO_CUDA_DEVICE


def _accelerator_unavailable(device: str) -> str | None:
    import torch

    # The kind that PyTorch is built for; if None, `is_available` would raise.
    built_for = torch.accelerator.current_accelerator()
    if built_for is None or built_for.type != device:
        kind = "the CPU alone" if built_for is None else built_for.type
        return f"this PyTorch is built for {kind}: install a build for {device}"
    return None if torch.accelerator.is_available() else f"no {device.upper()} device found"


def _has_torch_library(device: str) -> bool:
    spec = find_spec("torch")
    folders = spec.submodule_search_locations if spec is not None else None
    return any(
        file for folder in folders or () for file in Path(folder, "lib").glob(f"*torch_{device}.*")
    )


def _is_library(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True
