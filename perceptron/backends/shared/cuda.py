"""Find out whether there is a CUDA device, without importing a framework."""

from __future__ import annotations

import ctypes
import sys

NO_DEVICE = "no CUDA device found"


def driver_unavailable() -> str | None:
    """Return why no CUDA device can be used, in one line, or None.

    Asks the driver, which takes milliseconds. Honours ``CUDA_VISIBLE_DEVICES``. Creates no
    context, so it takes no memory of the device; but the driver must not be asked before a fork.
    """
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
