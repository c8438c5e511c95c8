from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptron.report.numbers import (
    count,
    digits,
    duration,
    duration_interval,
    interval,
    joules,
    large,
    memory,
    percent,
    percent_interval,
    rate,
    ratio,
    rough_percent,
    rough_percent_interval,
)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1.7, "1.70 s"),
        (0.0123, "12.3 ms"),
        (6.2e-6, "6.20 µs"),
        (3e-10, "0.300 ns"),
        (2310.0, "2,310 s"),
    ],
)
def test_durations_have_three_digits_and_a_unit(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@given(st.floats(1e-12, 1e12))
def test_digits_are_right_to_half_a_percent(value: float) -> None:
    """Three significant digits, never an exponent."""
    text = digits(value)
    assert "e" not in text
    assert float(text.replace(",", "")) == pytest.approx(value, rel=0.0051)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (1.5e-20, "1.5e-20"), (-2e300, "-2e+300"), (5e-324, "4.94e-324")],
)
def test_nobody_has_to_count_zeros(value: float, text: str) -> None:
    assert digits(value) == text


def test_an_interval_has_one_unit() -> None:
    assert duration_interval(0.0123, 0.0119, 0.0131) == "12.3 [11.9, 13.1] ms"
    assert duration_interval(0.0123, None, None) == "12.3 [no interval] ms"
    assert interval(400.0, 350.0, None) == "400 [350, …]"


def test_an_interval_that_tells_nothing_is_not_written_out() -> None:
    """Two values that differ have one over many powers of ten."""
    assert duration_interval(0.162, 2.64e-4, 99.1) == "162 [too few values] ms"
    assert interval(1.0, 0.2, 5.0) == "1.00 [0.200, 5.00]"


def test_a_ratio_to_itself_is_one() -> None:
    assert ratio(1.0, 1.0, 1.0) == "1"
    assert ratio(1.02, 0.98, 1.06) == "1.02 [0.980, 1.06]"
    assert ratio(None, None, None) == "–"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (percent(0.031), "3.1 %"),
        (percent(0.0812, sign=True), "+8.1 %"),
        (percent(-0.25, 0, sign=True), "-25 %"),
        (percent(1e300), "1e+302 %"),
        (percent_interval(0.972, 0.959, 0.982), "97.2 % [95.9, 98.2]"),
        (percent_interval(0.081, -0.07, 0.093, sign=True), "+8.1 % [-7.0, +9.3]"),
        (rough_percent(0.844), "84 %"),
        (rough_percent(0.0232), "2.3 %"),
        (rough_percent(1.1e-5), "0.0011 %"),
        (rough_percent(1.5e-8), "under 0.0001 %"),
        (rough_percent(0.0), "0 %"),
    ],
)
def test_shares_are_shown_per_cent(text: str, shown: str) -> None:
    """An absurd one takes few characters."""
    assert text == shown


def test_memory_has_its_unit() -> None:
    assert memory(3 * 2**29) == "1.5 GiB"
    assert memory(2**20, "MiB") == "1.0 MiB"


def test_counts_have_all_digits() -> None:
    assert count(41_200) == "41,200"
    assert count(0.5) == "0.5"


@pytest.mark.parametrize(
    ("number", "text"),
    [(0.0, "0"), (812.0, "812"), (4117.0, "4.12 k"), (48_413_671.0, "48.4 M"), (9.1e10, "91.0 G")],
)
def test_large_counts_have_three_digits_and_a_prefix(number: float, text: str) -> None:
    assert large(number) == text


def test_a_share_with_its_interval_has_one_unit() -> None:
    assert rough_percent_interval(0.041, 0.039, 0.0425) == "4.10 % [3.90, 4.25]"
    assert rough_percent_interval(0.041, None, None) == "4.10 % [no interval]"


@pytest.mark.parametrize(
    ("energy", "text"),
    [(12.0, "12.0 J"), (0.0125, "12.5 mJ"), (3.3e-6, "3.30 µJ"), (4e-10, "0.400 nJ")],
)
def test_an_energy_has_three_digits_and_a_unit(energy: float, text: str) -> None:
    assert joules(energy) == text


def test_a_rate_is_in_gigabytes() -> None:
    assert rate(24.75e9) == "24.8 GB/s"
