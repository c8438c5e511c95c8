"""Memory of this process and this machine, where the system tells."""

from __future__ import annotations

import ctypes
import gc
import sys
from pathlib import Path

import psutil

# Memory that one iteration frees stays with the process for the next one. By default glibc hands
# blocks above a threshold back to the system and takes the pages anew, zeroed, at every iteration;
# the threshold depends on what was freed before, so a backend's time would depend on the sizes
# measured before it. https://man7.org/linux/man-pages/man3/mallopt.3.html
KEEP_FREED_MEMORY = {
    "MALLOC_MMAP_THRESHOLD_": str(2**30),
    "MALLOC_TRIM_THRESHOLD_": str(2**32),
}


def available_bytes() -> int:
    """Bytes that a new allocation may still take: the system's, or the control group's if less."""
    available: int = psutil.virtual_memory().available
    group = Path("/sys/fs/cgroup")
    try:
        limit = int((group / "memory.max").read_text())
        used = int((group / "memory.current").read_text())
    except (OSError, ValueError):  # no control group, or "max": no limit
        return available
    return min(available, limit - used)


def release() -> None:
    """Give freed memory back to the system, so that every size starts from the same state."""
    gc.collect()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none
        if trim is not None:
            trim(0)


class PeakMemory:
    """The most memory this process held since this object was made, beyond what it held then."""

    def __init__(self) -> None:
        self._before: int | None = None
        try:
            # Linux: 5 resets the high-water mark, https://docs.kernel.org/filesystems/proc.html
            Path("/proc/self/clear_refs").write_text("5")
            self._before = _status_bytes("VmRSS")
        except (OSError, ValueError):
            pass

    def bytes(self) -> int | None:
        """Bytes, or None where the system does not tell."""
        if self._before is None:
            return None
        return max(0, _status_bytes("VmHWM") - self._before)


def _status_bytes(field: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"/proc/self/status has no {field}")
