from __future__ import annotations

import pytest

from benchmarks.validation.what_if.comparison import compare
from benchmarks.validation.what_if.published import (
    Host,
    Kernels,
    Published,
    PublishedRow,
    PublishedTable,
    published,
)
from perceptron.analysis.what_if.devices import DEVICES
from perceptron.analysis.what_if.estimate import EAGER, estimate

KERNELS = [Kernels(count=3, product=(2048, 2048, 2048))]


def table(device: str | None, seconds: float, host: Host | None = None) -> PublishedTable:
    return PublishedTable(
        name="products",
        hardware="a box",
        device=device,
        source="a page",
        backend=EAGER,
        gradients=True,
        host=host,
        rows=[PublishedRow(case="three", seconds=seconds, kernels=KERNELS)],
    )


def test_most_published_times_lie_in_a_range_that_is_not_too_wide() -> None:
    """What an estimate is good for: at least 80 % inside, a factor of four in the median."""
    truth = compare(published())
    assert truth.inside >= 0.8 * len(truth.rows)
    assert truth.median_width <= 4
    assert truth.inside == sum(row.low <= row.published <= row.high for row in truth.rows)


def test_a_row_is_estimated_for_its_device_with_the_dispatch_of_its_host() -> None:
    host = Host(seconds=1.0, operations=100)
    truth = compare(Published([table("t4", 0.05, host)], []))
    (row,) = truth.rows
    expected = estimate(KERNELS[0].work(), 0.01, DEVICES["t4"], EAGER, 1)
    assert (row.low, row.high) == (expected.low, expected.high)
    assert row.ratio == pytest.approx(expected.seconds / 0.05)
    assert (row.inside, row.kernels) == (True, 3)
    assert truth.median_width == pytest.approx(expected.high / expected.low)


def test_unnamed_hardware_may_be_any() -> None:
    """From the fastest device at its best to the slowest at its worst."""
    (row,) = compare(Published([table(None, 1.0)], [])).rows
    each = [compare(Published([table(name, 1.0)], [])).rows[0] for name in DEVICES]
    assert row.low == min(one.low for one in each)
    assert row.high == max(one.high for one in each)
    assert not row.inside
