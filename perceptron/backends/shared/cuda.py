"""Find out whether there is a CUDA device, without importing a framework where possible.

In a rehearsal there always is: the CPU stands in for it.
"""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

from perceptron.rehearsal import is_rehearsal

NO_DEVICE = "no CUDA device found"
# Where the driver of AMD's GPUs is loaded.
_ROCM = Path("/dev/kfd")


def driver_unavailable() -> str | None:
    """Return why no CUDA device can be used, in one line, or None.

    Asks the driver, which takes milliseconds. Honours ``CUDA_VISIBLE_DEVICES``. Creates no
    context, so it takes no memory of the device; but the driver must not be asked before a fork.
    """
    if is_rehearsal():
        return None
    # The driver's library answers in a millisecond, importing a framework takes a second.
    library = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        driver = ctypes.CDLL(library)
    except OSError:
        return NO_DEVICE
    count = ctypes.c_int(0)
    if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)):
        return NO_DEVICE
    return None if count.value else NO_DEVICE


def torch_unavailable() -> str | None:
    """Return why PyTorch, which must be installed, cannot use a CUDA device; None if it can.

    ROCm's PyTorch calls AMD's devices by that name too.
    """
    reason = None if _ROCM.exists() else driver_unavailable()
    if reason is not None:
        return reason
    if is_rehearsal():
        return None
    import torch

    if torch.version.cuda is None and torch.version.hip is None:
        return "this PyTorch is built without CUDA: install a CUDA build"
    return None if torch.cuda.is_available() else NO_DEVICE
