from __future__ import annotations

from typing import Any

import pytest

from perceptron.report.charts.dots import dots_axis, placed
from perceptron.report.charts.figure import Dot


def dot(seconds: float, low: float | None = None, high: float | None = None, **fields: Any) -> Dot:
    ends = {"low": low or seconds, "high": high or seconds}
    names = {"backend": "numpy", "label": "x", "side": "right", "text": "x", "row": 0}
    return Dot(seconds=seconds, **(ends | names | fields))


def test_a_label_stands_beyond_the_end_of_its_own_bar() -> None:
    (only,) = placed([dot(1.0, 0.1, 30.0)])
    assert only.side == "right"
    assert dots_axis([only], "time").high > 30 * 5, "there is room for the text beyond the bar"


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
    without = dots_axis([dot(1.0)], "time").low
    assert dots_axis([dot(1.0, side="left")], "time").low < without / 2
