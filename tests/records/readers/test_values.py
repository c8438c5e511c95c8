from __future__ import annotations

import pytest

from perceptron.records.readers.values import duration, mean_interval, number, stdev


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3, 3),
        ("3", 3),
        (" 1e3 ", 1000),
        ("0.5", 0.5),
        (".5", 0.5),
        (2.0**53, 2**53),
        (2**53 + 1, None),
        (True, None),
        (None, None),
        ("1_000", None),
        ("٣", None),
        ("nan", None),
        ("", None),
    ],
)
def test_a_number_is_one_however_it_is_spelled(value: object, expected: float | None) -> None:
    assert number(value) == expected
    assert type(number(value)) is type(expected)


@pytest.mark.parametrize("value", [0, -1.0, float("inf"), float("nan"), "1.0", None, True])
def test_only_a_finite_number_above_0_is_a_time(value: object) -> None:
    assert duration(value) is None
    assert duration(2) == 2.0


@pytest.mark.parametrize("value", [-1.0, float("inf"), float("nan"), "1.0", None, False])
def test_a_standard_deviation_may_be_0(value: object) -> None:
    assert stdev(value) is None
    assert stdev(0) == stdev(0.0) == 0.0
    assert stdev(0.5) == 0.5


def test_the_interval_of_a_mean_shrinks_with_the_root_of_the_count() -> None:
    """Student's: 2.947 standard errors with 15 degrees of freedom, 2.660 with 63 of them."""
    assert mean_interval(1.0, 0.4, 16) == pytest.approx((1 - 0.2947, 1 + 0.2947), abs=1e-4)
    assert mean_interval(1.0, 0.4, 64) == pytest.approx((1 - 0.1328, 1 + 0.1328), abs=1e-4)


@pytest.mark.parametrize(
    ("deviation", "count"), [(None, 9), (0.1, None), (0.1, 1), (-0.1, 9), (float("nan"), 9)]
)
def test_without_a_deviation_or_a_second_value_there_is_no_interval(
    deviation: object, count: object
) -> None:
    assert mean_interval(1.0, deviation, count) == (None, None)
