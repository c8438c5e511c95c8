from __future__ import annotations

import pytest

from perceptron.report.charts.axes import log_axis, size_text, within


@pytest.mark.parametrize(
    ("values", "base", "ticks"),
    [
        ([1, 1000], 10, [1, 10, 100, 1000]),
        ([1, 30], 10, [1, 2, 5, 10, 20]),
        ([1.5, 1.9], 10, [2]),
        ([2, 8], 2, [2, 4, 8]),
        ([2, 2**20], 2, [2**power for power in range(21) if power % 3 == 0][1:]),
        ([1, 1e20], 10, [10.0**power for power in range(21) if power % 3 == 0]),
    ],
)
def test_ticks_are_few_and_round(values: list[float], base: int, ticks: list[float]) -> None:
    axis = log_axis(values, lambda value: f"{value:g}", base, "size")
    assert [value for value, _ in axis.ticks] == pytest.approx(ticks)
    assert all(axis.low <= value <= axis.high for value, _ in axis.ticks)
    assert [text for _, text in axis.ticks] == [f"{value:g}" for value in ticks]


def test_an_axis_holds_its_values_with_room() -> None:
    """An axis of no value at all is one as well."""
    axis = log_axis([3, 7], str, 10, "x", room=(2.0, 5.0))
    assert axis.low < 3 / 2
    assert axis.high > 7 * 5
    assert log_axis([], str, 10, "x").low < 1 < log_axis([], str, 10, "x").high


def test_an_interval_without_end_does_not_flatten_the_figure() -> None:
    assert within([1.0, 2.0], [1e-9, 1.5, 1e9]) == [0.01, 1.5, 200.0]


def test_sizes_have_units() -> None:
    assert [size_text(size) for size in (512, 4096, 2**21)] == ["512", "4 Ki", "2 Mi"]
