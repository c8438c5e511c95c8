"""Where axes end, and where labels stand."""

from __future__ import annotations

from typing import Any

import pytest

from perceptron.figure import Dot, Line, dots_axis, log_axis, placed, size_text, within


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
    times = {"y": (1.0, 2.0), "low": (1e-9, 1.5), "high": (1e9, None)}
    line = Line(backend="numpy", label="numpy", x=(4.0, 8.0), texts=("", ""), **times)
    assert within([line]) == [1.0, 2.0, 0.01, 1.5, 200.0, 2.0]


def test_sizes_have_units() -> None:
    assert [size_text(size) for size in (512, 4096, 2**21)] == ["512", "4 Ki", "2 Mi"]


def dot(seconds: float, low: float | None = None, high: float | None = None, **fields: Any) -> Dot:
    ends = {"low": low or seconds, "high": high or seconds}
    names = {"backend": "numpy", "label": "x", "side": "right", "text": "x", "row": 0}
    return Dot(seconds=seconds, **(ends | names | fields))


def test_a_label_stands_beyond_the_end_of_its_own_bar() -> None:
    (only,) = placed([dot(1.0, 0.1, 30.0)])
    assert only.side == "right"
    assert dots_axis([only], str, "time").high > 30 * 5, "there is room for the text beyond the bar"


@pytest.mark.parametrize(
    ("published", "ours", "sides"),
    [
        (8.0, (1.0, 0.9, 1.1), ("right", "left")),
        (0.1, (1.0, 0.9, 1.1), ("left", "right")),
        (2.0, (1.0, 0.5, 4.0), ("above", "right")),
        (1.2, (1.0, 0.9, 1.1), ("above", "right")),
        (0.7, (1.0, 0.9, 1.1), ("above", "right")),
    ],
)
def test_two_labels_in_a_row_do_not_touch(
    published: float, ours: tuple[float, float, float], sides: tuple[str, str]
) -> None:
    """They stand away from each other; on the other's bar, or close to it, one is above."""
    first, second = placed([dot(*ours), dot(published, published=True)])
    assert (first.published, second.published) == (True, False)
    assert (first.side, second.side) == sides


def test_rows_do_not_mind_each_other() -> None:
    dots = placed([dot(1.0), dot(1.0, row=1, published=True)])
    assert [member.side for member in dots] == ["right", "right"]


def test_there_is_room_on_the_left_where_a_label_is() -> None:
    without = dots_axis([dot(1.0)], str, "time").low
    assert dots_axis([dot(1.0, side="left")], str, "time").low < without / 2
