"""What a comparison ran on, for the record: the machine, and variables that steer libraries."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

_STEERING = re.compile(
    r"(OMP|GOMP|KMP|OPENBLAS|MKL|BLIS|VECLIB|NUMEXPR|MALLOC|CUDA|TORCH|XLA|PYTHON)[A-Z]*_?[A-Z]+"
)
_WANTED = {"PYTHONHASHSEED", "PYTHONMALLOC", "PYTHONOPTIMIZE"}


def machine() -> dict[str, str]:
    """Processor, cores that may be used, and system."""
    return {
        "cpu": _cpu(),
        "cores": str(_cores()),
        "architecture": platform.machine(),
        "system": platform.system(),
    }


def steering() -> dict[str, str]:
    """Variables that change what numerical libraries and the interpreter do."""
    return {
        name: value
        for name, value in sorted(os.environ.items())
        if _STEERING.fullmatch(name) and (not name.startswith("PYTHON") or name in _WANTED)
    }


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _cpu() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return platform.processor() or "unknown"
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.M)
    return found[1] if found else platform.processor() or "unknown"
