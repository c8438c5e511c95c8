"""Memory of this process and this machine, where the system reports it."""

from __future__ import annotations

import ctypes
import gc
import sys
from pathlib import Path
from typing import Any

import psutil

# https://man7.org/linux/man-pages/man3/mallopt.3.html
_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4


def keep_freed_memory() -> None:
    """Let memory that one iteration frees stay with the process for the next one.

    By default glibc returns large blocks to the system and gets their pages again, zeroed, at
    every iteration. The smallest such size depends on earlier frees of the process, so a backend's
    time would depend on the sizes measured before it. A no-op with other C libraries.
    """
    libc = _libc()
    if hasattr(libc, "mallopt"):
        libc.mallopt(_M_MMAP_MAX, 0)  # every block from the heap …
        libc.mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)  # … which keeps up to 2 GiB of free top


def available_bytes() -> int:
    """Return bytes that a new allocation may take: the system's, or the control group's if less."""
    available: int = psutil.virtual_memory().available
    group = Path("/sys/fs/cgroup")
    try:
        limit = int((group / "memory.max").read_text())
        current = int((group / "memory.current").read_text())
        facts = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        cached = int(facts["inactive_file"])  # freed as soon as it is needed
    except (OSError, ValueError, KeyError):  # no control group, or "max": no limit
        return available
    return max(0, min(available, limit - current + cached))


def release() -> None:
    """Give freed memory back to the system, so that every size starts from the same state."""
    gc.collect()
    libc = _libc()
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)


_before: int | None = None


def watch_peak() -> None:
    """Begin to look at the memory of this process, for `watched_peak`."""
    global _before
    try:
        # Linux: 5 resets the high-water mark, https://docs.kernel.org/filesystems/proc.html
        Path("/proc/self/clear_refs").write_text("5")
        _before = _status_bytes("VmRSS")
    except (OSError, ValueError):
        _before = None


def watched_peak() -> int | None:
    """Return the most bytes held since `watch_peak`, beyond those before; None if unknown."""
    return None if _before is None else max(0, _status_bytes("VmHWM") - _before)


def _libc() -> Any:
    return ctypes.CDLL(None) if sys.platform == "linux" else None


def _status_bytes(field: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"/proc/self/status has no {field}")
