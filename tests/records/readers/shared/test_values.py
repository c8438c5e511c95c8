from __future__ import annotations

import pytest

from perceptron.records.readers.shared.values import number, stdev


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


@pytest.mark.parametrize("value", [-1.0, float("inf"), float("nan"), "1.0", None, False])
def test_a_standard_deviation_may_be_0(value: object) -> None:
    assert stdev(value) is None
    assert stdev(0) == stdev(0.0) == 0.0
    assert stdev(0.5) == 0.5
