from __future__ import annotations

import pytest

from perceptron.records.readers.units import time_unit


@pytest.mark.parametrize(
    ("unit", "seconds"),
    [
        ("ns", 2e-9),
        ("ns/iter", 2e-9),
        ("\u00b5s/op", 2e-6),
        ("\u03bcs", 2e-6),
        ("usec", 2e-6),
        (" MS ", 2e-3),
        ("sec", 2.0),
        ("ops/s", 0.5),
        ("iter/sec", 0.5),
        ("ops/us", 0.5e-6),
        ("Hz", 0.5),
    ],
)
def test_a_value_of_two_becomes_seconds(unit: str, seconds: float) -> None:
    known = time_unit(unit)
    assert known is not None
    assert known.in_seconds(2) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "unit", ["", "B/op", "allocs/op", "MB/s", "bytes", "%", "ns/row", "/", "ops", "ops/", "min"]
)
def test_what_is_not_the_time_of_a_run_is_no_unit(unit: str) -> None:
    assert time_unit(unit) is None


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), 5e-324, 1e308])
@pytest.mark.parametrize("unit", ["ns", "s", "ops/s", "ops/ns"])
def test_no_value_gives_a_time_that_is_none(unit: str, value: float) -> None:
    known = time_unit(unit)
    assert known is not None
    seconds = known.in_seconds(value)
    assert seconds is None or 0 < seconds < float("inf")
