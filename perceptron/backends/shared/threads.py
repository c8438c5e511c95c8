"""The environment variables that set the size of every thread pool we know."""

from __future__ import annotations

from perceptron.machine import THREAD_VARIABLES


def thread_variables(threads: int) -> dict[str, str]:
    """Return the environment of a process whose thread pools (OpenMP, OpenBLAS, …) have this size.

    Libraries read these when they are imported, so they must be set before the process starts.
    """
    return dict.fromkeys(THREAD_VARIABLES, str(threads))
