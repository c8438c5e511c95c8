from __future__ import annotations

from collections.abc import Mapping

import pytest

from perceptron.analysis.crossover.crossing import Indices, decided, uncertainties, zero_crossings
from perceptron.analysis.crossover.points import Point, points
from tests.analysis.crossover.conftest import SPREAD, A, B, at


def measured(means: Mapping[float, float], noise: float = 0.01) -> list[Point]:
    rows = [
        measurement
        for size, mean in means.items()
        for measurement in at(size, mean + noise * SPREAD)
    ]
    return points(rows, A, B)


def remaining(points: list[Point]) -> list[Indices]:
    return uncertainties(points, zero_crossings(points))


def test_a_plain_answer_leaves_no_doubt() -> None:
    """Far from the line at every size, or over it once and closely bracketed."""
    assert remaining(measured({4**k: 1.0 for k in range(6)})) == []
    line = {2**k: 1.05 - 0.3 * k for k in range(8)}
    assert remaining(measured(line)) == []


@pytest.mark.parametrize(
    ("right", "hidden"),
    [(4.4, False), (5, False), (8, True), (64, True), (4096, True), (2**40, True)],
)
def test_another_winner_can_hide_between_sizes_far_apart(right: float, hidden: bool) -> None:
    """Close to the line on both sides: room for it grows with the gap, and 10 % are no gap."""
    line = measured({4: 0.06, right: 0.06}, noise=0.001)
    assert remaining(line) == ([(0, 1)] if hidden else [])


def test_a_steep_slope_beside_a_gap_makes_room_in_it() -> None:
    """What has just changed quickly may keep changing."""
    flat = measured({1: 1.5, 4: 1.5, 16: 1.4})
    steep = measured({1: 4.0, 4: 1.5, 16: 1.4})
    assert remaining(flat) == []
    assert (1, 2) in remaining(steep)


def test_a_gap_in_which_the_winner_changes_is_no_hiding_place() -> None:
    """The change is known; the locator halves its bracket anyway."""
    assert (0, 1) not in remaining(measured({4: 0.06, 64: -0.06}, noise=0.001))


def test_a_size_where_the_other_could_win_is_in_doubt() -> None:
    """By more than ±5 %, as far as its interval goes; where it is surely a tie, it is not."""
    wide = measured({1: 1.0, 1.2: 0.0, 1.44: 1.0}, noise=0.1)
    assert wide[1].sign == 0
    assert (1, 1) in remaining(wide)
    surely_close = measured({1: 1.0, 1.2: 0.0, 1.44: 1.0}, noise=0.01)
    ahead_if_at_all = measured({1: 1.0, 1.2: 0.1, 1.44: 1.0}, noise=0.12)
    for line in (surely_close, ahead_if_at_all):
        assert line[1].sign == 0
        assert (1, 1) not in remaining(line)


def test_inside_the_interval_of_a_change_nobody_need_be_sure() -> None:
    line = measured({1: 0.8, 1.1: 0.0, 1.2: -0.8}, noise=0.1)
    assert line[1].sign == 0
    assert (1, 1) not in remaining(line)


def test_a_change_that_rests_on_hardly_anything_is_in_doubt() -> None:
    """A single size just beyond its interval: likelier by chance than by a change."""
    base = dict.fromkeys((1, 1.2, 1.44, 1.73), 0.5)
    weak, strong = (measured(base | {2.07: last}, noise=0.1) for last in (-0.13, -0.5))
    assert weak[-1].sign == strong[-1].sign == -1
    assert (4, 4) in remaining(weak)
    assert (4, 4) not in remaining(strong)
    assert [decided(line, remaining(line))[2:] for line in (weak, strong)] == [[], [(4, 4)]]


def test_without_a_winner_every_size_is_in_doubt_unless_it_is_a_tie() -> None:
    loud = measured({1: 0.0, 1.2: 0.0}, noise=0.2)
    assert [doubt for doubt in remaining(loud) if doubt[0] == doubt[1]] == [
        (0, 0),
        (1, 1),
    ]
    assert remaining(measured({1: 0.0, 1.05: 0.0}, noise=0.005)) == []


def test_an_interval_over_a_factor_of_four_is_in_doubt() -> None:
    """It may hold several changes: all sizes inside are named."""
    line = measured({1: 0.8, 4: 0.02, 16: 0.0, 64: -0.02, 256: -0.8}, noise=0.1)
    (zero,) = zero_crossings(line)
    assert zero.low is not None
    assert zero.high is not None
    assert zero.high / zero.low > 4
    inside = [index for index, p in enumerate(line) if zero.low <= p.size <= zero.high]
    assert (inside[0], inside[-1]) in remaining(line)


def test_single_values_are_not_doubted() -> None:
    """Their spread is not known, so nothing is sure about them, and nothing can be said against."""
    values = {1: 0.5, 4: -0.03, 16: 0.5, 1024: 0.1, 4096: 0.1}
    line = points(
        [measurement for size, ratio in values.items() for measurement in at(size, [ratio])],
        A,
        B,
    )
    assert remaining(line) == []


def test_doubts_come_in_order_of_size() -> None:
    line = measured({1: 0.1, 64: 0.02, 4096: 0.1, 2**18: 0.1}, noise=0.2)
    spans = [(doubt[0], doubt[1]) for doubt in remaining(line)]
    assert len(spans) > 3
    assert spans == sorted(spans)
