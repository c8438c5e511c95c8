"""Backends share one process here; in a worker each has one of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from threadpoolctl import threadpool_limits


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """NumPy's pool and SciPy's, which Numba takes, wait for each other where both are at work."""
    with threadpool_limits(1):
        yield
