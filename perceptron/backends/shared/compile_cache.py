"""Whether what a compiling backend prepared was compiled, or found from an earlier process."""

from __future__ import annotations

from collections import Counter
from functools import cache
from math import inf
from pathlib import Path

# What TorchInductor's compilers write: of C++, and of Triton, which it has below its own folder.
_BINARIES = (".so", ".dll", ".cubin", ".hsaco")


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


def has_found(before: Counter[str], now: Counter[str]) -> bool:
    """Return whether JAX found a program on disk in between, or had all of them in the process."""
    made = now - before
    return bool(made["cache_hits"]) or not made["backend_compile_duration"]


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
