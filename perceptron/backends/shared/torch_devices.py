"""Find out whether PyTorch has a device of a kind; it is imported only where there may be one."""

from __future__ import annotations

import ctypes
import sys
from importlib.util import find_spec
from pathlib import Path

from perceptron.backends.shared.cuda import NO_DEVICE, driver_unavailable

# Where the driver of AMD's GPUs is loaded.
_ROCM = Path("/dev/kfd")
# The library of oneAPI's Level Zero, through which PyTorch finds Intel's GPUs.
_LEVEL_ZERO = "ze_loader.dll" if sys.platform == "win32" else "libze_loader.so.1"


def device_unavailable(device: str) -> str | None:
    """Return why PyTorch, which must be installed, cannot use a device of this kind; or None."""
    if device == "cuda":
        return _cuda_unavailable()
    if device == "mps" and sys.platform != "darwin":
        return "no MPS device found: only macOS has them"
    if device == "xpu" and not _is_library(_LEVEL_ZERO):
        return "no XPU device found: Intel's Level Zero is not installed"
    # Schedulers bring Level Zero to machines without such a device, where importing PyTorch to
    # hear that would take seconds.
    if device == "xpu" and not _has_library_for("xpu"):
        return "this PyTorch is built without XPU: install a build for xpu"
    return _accelerator_unavailable(device)


def _cuda_unavailable() -> str | None:
    # ROCm's PyTorch calls AMD's devices by that name too.
    reason = None if _ROCM.exists() else driver_unavailable()
    if reason is not None:
        return reason
    import torch

    if torch.version.cuda is None and torch.version.hip is None:
        return "this PyTorch is built without CUDA: install a CUDA build"
    return None if torch.cuda.is_available() else NO_DEVICE


def _accelerator_unavailable(device: str) -> str | None:
    import torch

    # Of the kind that PyTorch is built for; None if for none, and asking more of it would raise.
    built_for = torch.accelerator.current_accelerator()
    if built_for is None or built_for.type != device:
        kind = "the CPU alone" if built_for is None else built_for.type
        return f"this PyTorch is built for {kind}: install a build for {device}"
    return None if torch.accelerator.is_available() else f"no {device.upper()} device found"


def _has_library_for(device: str) -> bool:
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
