from __future__ import annotations

import pytest

from perceptron.analysis.what_if.check import check
from perceptron.analysis.what_if.estimate import EAGER, DeviceEstimate
from perceptron.report.tables import what_if as what_if_text
from tests.conftest import MakeRow


def guess(size: float, seconds: float) -> DeviceEstimate:
    return DeviceEstimate(
        backend=EAGER,
        device="h100",
        size=size,
        seconds=seconds,
        low=seconds / 2,
        high=seconds * 2,
    )


def test_estimates_are_checked_where_a_device_was_measured(row: MakeRow) -> None:
    rows = [
        row(machine="h100-box", backend=EAGER, device="cuda", size=4, process=p, seconds=8e-5)
        for p in range(3)
    ]
    checked = check(rows, guess(4, 1e-4))
    assert checked.error == pytest.approx(0.25)
    assert "Of 1 measurements of h100, 1 lie in" in what_if_text.check_line([checked], "h100")
    assert what_if_text.check_cells([checked])[0][-1] == "+25 %"
    assert "No measurement of h100" in what_if_text.check_line([], "h100")


def test_what_cannot_be_estimated_says_why(row: MakeRow) -> None:
    """Its measurement stays in the table, and counts for nothing."""
    rows = [row(machine="h100-box", backend=EAGER, device="cuda", size=4, seconds=8e-5)]
    checked = check(rows, None, "nobody knows")
    assert not checked.is_inside
    assert what_if_text.check_cells([checked]) == [
        ("h100-box", "line", "4", "2", EAGER, "nobody knows", "80.0 µs", "–")
    ]
    assert "No measurement of h100" in what_if_text.check_line([checked], "h100")
