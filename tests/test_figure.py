"""Where axes end, and where labels stand."""

from __future__ import annotations

import pytest

from perceptron.figure import Line, log_axis, size_text, within


@pytest.mark.parametrize(
    ("values", "base", "ticks"),
    [
        ([1, 1000], 10, [1, 10, 100, 1000]),
        ([1, 30], 10, [1, 2, 5, 10, 20]),
        ([1, 1e5], 10, [1, 10, 100, 1e3, 1e4, 1e5]),
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


def test_figure_axis_has_room_around_values() -> None:
    """An axis of no value at all is one as well."""
    axis = log_axis([3, 7], str, 10, "x")
    assert axis.low < 3
    assert axis.high > 7
    assert log_axis([], str, 10, "x").low < 1 < log_axis([], str, 10, "x").high


def test_figure_unbounded_interval_does_not_flatten() -> None:
    times = {"y": (1.0, 2.0), "low": (1e-9, 1.5), "high": (1e9, None)}
    line = Line(backend="numpy", label="numpy", x=(4.0, 8.0), texts=("", ""), **times)
    assert within([line]) == [1.0, 2.0, 0.01, 1.5, 200.0, 2.0]


def test_sizes_are_written_out() -> None:
    assert [size_text(size) for size in (512, 4096, 2**21)] == ["512", "4,096", "2,097,152"]
