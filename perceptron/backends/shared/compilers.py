"""Compilers that backends call: whether they are installed, and whether they used caches."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from collections import Counter
from collections.abc import Sequence
from functools import cache
from math import inf
from pathlib import Path

from perceptron import optional

# Files that TorchInductor's compilers write: of C++, and of Triton, in a folder below its cache.
_BINARIES = (".so", ".cubin", ".hsaco")

INTERPRET = "TRITON_INTERPRET"
"""Set to 1 before Triton is imported, kernels are interpreted on the CPU and not compiled."""


def triton_unavailable() -> str | None:
    """Return why Triton cannot run here, in one line, or None.

    It includes its compiler of kernels, but compiles their launchers with the system's C compiler
    against Python's header. Its interpreter needs neither.
    """
    reason = optional.missing("triton")
    if reason is not None:
        return reason
    return _missing("C", "CC", ["gcc", "clang"])


def cpp_unavailable() -> str | None:
    """Return why TorchInductor cannot compile C++ here, in one line, or None."""
    return _missing("C++", "CXX", ["clang++" if sys.platform == "darwin" else "g++"])


def _missing(language: str, variable: str, compilers: Sequence[str]) -> str | None:
    named = os.environ.get(variable)
    if not any(shutil.which(compiler) for compiler in ([named] if named else compilers)):
        problem = f"{variable}={named} not found" if named else f"no {language} compiler found"
        return f"{problem}: install {compilers[0]}"
    header = Path(sysconfig.get_path("include"), "Python.h")
    return None if header.exists() else f"{header.name} not found: install python3-dev"


@cache
def jax_events() -> Counter[str]:
    """Return counts of JAX's events in this process since the first call, updated as they happen.

    Keys are the last parts of the events' names: ``backend_compile_duration`` for every program
    that XLA prepared, ``cache_hits`` for each that it found in its cache.
    """
    from jax import monitoring

    counts: Counter[str] = Counter()

    def count(event: str, *_: object, **__: object) -> None:
        counts[event.rpartition("/")[2]] += 1

    monitoring.register_event_listener(count)
    monitoring.register_event_duration_secs_listener(count)
    return counts


def inductor_wrote(since: float) -> bool:
    """Return whether TorchInductor wrote to its cache at or after ``since``, a `time.time`."""
    from torch._inductor.runtime.cache_dir_utils import cache_dir

    return any(
        file.suffix in _BINARIES and _changed(file) >= since
        for file in Path(cache_dir()).rglob("*")
    )


def _changed(file: Path) -> float:
    """Return a file's modification time; -inf if another process has moved it meanwhile."""
    try:
        return file.stat().st_mtime
    except OSError:
        return -inf
