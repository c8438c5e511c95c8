from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptron.numbers import (
    Quantity,
    cell_text,
    count,
    digits,
    duration,
    duration_interval,
    interval,
    large,
    memory,
    percent,
    rough_percent,
)


@given(st.floats(1e-12, 1e12))
def test_digits_are_right_to_half_a_percent(value: float) -> None:
    """Three significant digits, never an exponent."""
    text = digits(value)
    assert "e" not in text
    assert float(text.replace(",", "")) == pytest.approx(value, rel=0.0051)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (duration(1.7), "1.70 s"),
        (duration(0.0123), "12.3 ms"),
        (duration(6.2e-6), "6.20 µs"),
        (duration(3e-10), "0.300 ns"),
        (duration(2310.0), "2,310 s"),
        # Nobody has to count zeros.
        (digits(0.0), "0"),
        (digits(1.5e-20), "1.5e-20"),
        (digits(-2e300), "-2e+300"),
        (digits(5e-324), "4.94e-324"),
        (duration_interval(0.0123, 0.0119, 0.0131), "12.3 [11.9, 13.1] ms"),
        (duration_interval(0.0123, None, None), "12.3 [no interval] ms"),
        # What is compared has one unit, and the digits of small changes.
        (cell_text(Quantity(9.99e-4, "s", digits=4, was=1.0012e-3)), "1.001 → 0.999 ms"),
        (interval(400.0, 350.0, None), "400 [350, …]"),
        # Two values that differ have an interval over many powers of ten, which tells nothing.
        (duration_interval(0.162, 2.64e-4, 99.1), "162 [too few values] ms"),
        (interval(1.0, 0.2, 5.0), "1.00 [0.200, 5.00]"),
        # A ratio to itself is one.
        (cell_text(Quantity(1.0, "", (1.0, 1.0))), "1"),
        (cell_text(Quantity(1.02, "", (0.98, 1.06))), "1.02 [0.980, 1.06]"),
        (cell_text(None), "–"),
        (percent(0.031), "3.1%"),
        (percent(0.0812, sign=True), "+8.1%"),
        (percent(-0.25, 0, sign=True), "-25%"),
        (percent(-0.0001, sign=True), "0.0%"),
        # An absurd share takes few characters.
        (percent(1e300), "1e+302%"),
        (rough_percent(0.844), "84%"),
        (rough_percent(0.0232), "2.3%"),
        (rough_percent(1.1e-5), "0.0011%"),
        (rough_percent(1.5e-8), "under 0.0001%"),
        (rough_percent(0.0), "0%"),
        (cell_text(Quantity(0.041, "%", (0.039, 0.0425))), "4.10% [3.90, 4.25]"),
        (cell_text(Quantity(0.041, "%", (None, None))), "4.10% [no interval]"),
        (cell_text(Quantity(0.0232, "%")), "2.3%"),
        (cell_text(Quantity(0.844, "%", digits=".1f")), "84.4%"),
        (memory(3 * 2**29), "1.5 GiB"),
        (memory(2**20, "MiB"), "1.0 MiB"),
        (count(41_200), "41,200"),
        (count(0.5), "0.5"),
        (large(0.0), "0"),
        (large(812.0), "812"),
        (large(4117.0), "4.12 k"),
        (large(48_413_671.0), "48.4 M"),
        (large(9.1e10), "91.0 G"),
        (cell_text(Quantity(12.0, "J")), "12.0 J"),
        (cell_text(Quantity(0.0125, "J")), "12.5 mJ"),
        (cell_text(Quantity(4e-10, "J")), "0.400 nJ"),
        (cell_text(Quantity(24.75e9, "B/s")), "24.8 GB/s"),
        (cell_text(Quantity(5e6, "B", digits=",.1f")), "4.8 MiB"),
        (cell_text(Quantity(533_000.0, "rows/s")), "533 k rows/s"),
        (cell_text(Quantity(0.003, "s", before="at most ")), "at most 3.00 ms"),
        # Counted things have all digits, however far the ends are apart.
        (cell_text(Quantity(3_058, "", (2, 41_200), digits=",")), "3,058 [2, 41,200]"),
    ],
)
def test_number_has_three_digits_unit_and_interval(text: str, shown: str) -> None:
    """Counts have all digits."""
    assert text == shown
