"""What asv and pytest-benchmark time is long enough, and no longer than it need be."""

from __future__ import annotations

import pytest

from benchmarks.cases import BACKENDS, SIZES, Case


@pytest.mark.parametrize("family", SIZES)
def test_a_framework_is_not_called_as_often_as_numpy(family: str) -> None:
    """Each call costs 20 µs at least, and bodies that are too long cost the gate its time."""
    for size in SIZES[family]:
        for backend in BACKENDS:
            if backend != "numpy":
                assert Case(family, size, backend).iterations <= 0.004 / 20e-6
