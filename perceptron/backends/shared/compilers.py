"""Whether what compiles while the suite runs is here, and whether it compiled or found its work.

What an earlier process compiled lies in a cache.
"""

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

# What TorchInductor's compilers write: of C++, and of Triton, which it has below its own folder.
_BINARIES = (".so", ".cubin", ".hsaco")

INTERPRET = "TRITON_INTERPRET"
"""Set to 1 before Triton is imported, kernels are interpreted on the CPU and not compiled."""


def triton_unavailable() -> str | None:
    """Return why Triton cannot run here, in one line, or None.

    It brings its compiler of kernels, but compiles what launches them with the system's C compiler
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
    """Return how often XLA compiled, or found on disk, in this process from the first call on.

    The keys are the last parts of the names of JAX's own events: ``backend_compile_duration`` for
    every program it made ready, ``cache_hits`` for those it found in its cache.
    """
    from jax import monitoring

    counts: Counter[str] = Counter()

    def count(event: str, *_: object, **__: object) -> None:
        counts[event.rpartition("/")[2]] += 1

    monitoring.register_event_listener(count)
    monitoring.register_event_duration_secs_listener(count)
    return counts


def inductor_wrote(since: float) -> bool:
    """Return whether TorchInductor compiled something into its cache ``since`` that time."""
    from torch._inductor.runtime.cache_dir_utils import cache_dir

    return any(
        file.suffix in _BINARIES and _changed(file) >= since
        for file in Path(cache_dir()).rglob("*")
    )


def _changed(file: Path) -> float:
    """Return when a file was written; long ago if another process has moved it meanwhile."""
    try:
        return file.stat().st_mtime
    except OSError:
        return -inf
