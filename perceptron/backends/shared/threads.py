"""The variables by which every thread pool we know is told its size."""

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
    """Environment for a process whose pools (OpenMP, OpenBLAS, MKL, …) all have this many threads.

    Libraries read these when they are imported, so they must be set before the process starts.
    """
    return dict.fromkeys(_POOLS, str(threads))
