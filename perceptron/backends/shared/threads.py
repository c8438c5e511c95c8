"""The environment variables that set the size of every thread pool we know."""

from __future__ import annotations

_POOLS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)


def thread_variables(threads: int) -> dict[str, str]:
    """Return the environment of a process whose thread pools (OpenMP, OpenBLAS, …) have this size.

    Libraries read these when they are imported, so they must be set before the process starts.
    """
    return dict.fromkeys(_POOLS, str(threads))
