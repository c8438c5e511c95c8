from __future__ import annotations

import msgspec
import pytest

from perceptron.analysis.overhead.rung import rungs
from tests.analysis.overhead.conftest import REMOVES, WORK, made, with_ceilings
from tests.conftest import MakeRow


@pytest.mark.parametrize(
    ("gflops", "gbytes", "bound"),
    [(1000, 1000, "calls"), (20, 1000, "arithmetic"), (1000, 50, "memory")],
)
def test_what_a_rung_is_bound_by(row: MakeRow, gflops: float, gbytes: float, bound: str) -> None:
    """10 GFLOP/s and 40 GB/s: a tenth of neither ceiling, or the nearer one."""
    slow = [
        msgspec.structs.replace(measurement, seconds=measurement.seconds * 1e4)
        if measurement.seconds
        else measurement
        for measurement in made(row)
    ]
    rows = slow + with_ceilings(row, gflops, gbytes)
    scaled = rungs(rows, REMOVES, {}, (WORK[0] * 10_000, WORK[1] * 10_000))
    numba = scaled[2]
    assert numba.gflops == pytest.approx(10, rel=0.02)
    assert numba.gbytes == pytest.approx(40, rel=0.02)
    assert numba.bound == bound


def test_what_fits_into_a_cache_is_not_bound_by_memory(row: MakeRow) -> None:
    """40 GB/s of 50 that were never read from memory: the arithmetic waits for itself."""
    rows = made(row) + with_ceilings(row, 1000, 50)
    assert rungs(rows, REMOVES, {}, WORK)[2].bound == "latency"


def test_a_small_batch_that_computes_much_is_bound_by_that(row: MakeRow) -> None:
    """Beyond the ceiling of a copy, because nothing is copied from memory: 40 GB/s of 20."""
    rows = made(row) + with_ceilings(row, 20, 20)
    assert rungs(rows, REMOVES, {}, WORK)[2].bound == "arithmetic"
