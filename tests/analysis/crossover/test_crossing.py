from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perceptron.analysis.crossover import crossing
from perceptron.analysis.crossover.crossing import (
    Gaps,
    Indices,
    ZeroCrossing,
    decided,
    uncertainties,
    zero_crossings,
)
from perceptron.analysis.crossover.points import Point, points
from perceptron.analysis.interval import robust_mean
from tests.analysis.crossover.conftest import SPREAD, A, B, at

SIZES = [4**power for power in range(6)]


def noisy(
    means: Sequence[float], noise: float = 0.01, processes: int = 8, seed: int = 0
) -> list[Point]:
    random = np.random.default_rng(seed)
    rows = [
        measurement
        for size, mean in zip(SIZES, means, strict=False)
        for measurement in at(size, mean + random.normal(0, noise, processes))
    ]
    return points(rows, A, B)


def only(points: Sequence[Point]) -> ZeroCrossing:
    (zero,) = zero_crossings(points)
    return zero


def spread(means: Sequence[float], noise: float) -> list[Point]:
    """Make points whose estimate at each size is the mean that is given."""
    return measured(dict(zip(SIZES, means, strict=False)), noise)


def measured(means: Mapping[float, float], noise: float = 0.01) -> list[Point]:
    rows = [
        measurement
        for size, mean in means.items()
        for measurement in at(size, mean + noise * SPREAD)
    ]
    return points(rows, A, B)


def ends(zero: ZeroCrossing) -> tuple[float, float]:
    assert zero.low is not None
    assert zero.high is not None
    return zero.low, zero.high


def test_no_change_without_a_sure_winner_on_both_sides() -> None:
    """What noise may have done is no crossover."""
    assert zero_crossings([]) == []
    assert zero_crossings(noisy([0.5, 0.3, 0.1])) == []
    assert zero_crossings(noisy([0.5, 0.3, -0.002], noise=0.05)) == []
    assert zero_crossings(noisy([0.5, -0.002, 0.5], noise=0.05, seed=1)) == []


def test_a_straight_line_does_not_widen_the_interval() -> None:
    """Neighbours on one line say nothing against it: noise alone makes the interval."""
    alone = ends(only(noisy([0.5, -0.3])))
    lined = only(noisy([2.1, 1.3, 0.5, -0.3, -1.1, -1.9]))
    assert lined.bracket == (16, 64)
    low, high = ends(lined)
    assert high / low == pytest.approx(alone[1] / alone[0], rel=0.1)
    assert high / low < 1.2


def test_a_step_widens_the_interval_to_the_bracket() -> None:
    """Flat on both sides: the change may lie anywhere between the two sizes."""
    zero = only(noisy([0.7, 0.7, 0.7, -0.7, -0.7, -0.7]))
    assert zero.bracket == (16, 64)
    low, high = ends(zero)
    assert low <= 16 * 1.001
    assert high >= 64 / 1.001
    assert high / low < 4.5


@pytest.mark.parametrize("turned", [1, -1])
def test_a_bend_reaches_to_the_prolonged_neighbour_and_no_further(turned: int) -> None:
    """Steep, then flat: prolonged, the steep line is at zero long before the chord."""
    zero = only(noisy([turned * mean for mean in (6.0, 2.0, -0.4)], noise=0.001))
    low, high = ends(zero)
    assert zero.estimate == pytest.approx(4 * 4 ** (2.0 / 2.4), rel=0.01)
    assert low == pytest.approx(4 * 4 ** (2.0 / 4.0), rel=0.01)
    assert high == pytest.approx(zero.estimate, rel=0.01)


def test_an_open_end_is_none() -> None:
    """The last size is sure by what other sizes know of the spread, and not by its own two."""
    means = {1: 0.8, 4: 0.4, 16: 0.05}
    random = np.random.default_rng(2)
    rows = [
        measurement
        for size, mean in means.items()
        for measurement in at(size, mean + random.normal(0, 0.01, 8))
    ]
    line = points([*rows, *at(64, [-0.5, -0.3])], A, B)
    assert line[-1].sign == -1
    zero = only(line)
    assert zero.high is None
    assert zero.low is not None
    assert zero.low < zero.estimate


def test_where_the_estimates_wobble_the_interval_holds_all_their_zeros() -> None:
    """Between two sure sizes there is one change; which of the zeros it is, nobody knows."""
    zero = only(spread([0.8, -0.002, 0.002, -0.002, -0.8], noise=0.1))
    low, high = ends(zero)
    assert zero.bracket == (4, 16)
    assert zero.estimate == pytest.approx(8)
    assert low < 4
    assert high > 64


def test_a_bend_that_noise_may_have_made_does_not_count() -> None:
    """One standard error beside the line is none; ten are."""
    alone = ends(only(spread([0.5, -0.3], noise=0.1)))
    slight = spread([1.35, 0.5, -0.3, -1.15], noise=0.1)
    strong = spread([3.0, 0.5, -0.3, -3.0], noise=0.1)
    assert slight[0].error > 0.025
    low, high = ends(only(slight))
    assert high / low == pytest.approx(alone[1] / alone[0])
    low, high = ends(only(strong))
    assert high / low > 1.2 * alone[1] / alone[0]


def test_a_size_with_a_single_process_does_not_cut_the_interval() -> None:
    """Less is known there, so the interval reaches as far as with eight, and not less far."""
    random = np.random.default_rng(3)
    eight, fewer = [], []
    for size, mean in ((1, 0.8), (4, 0.06), (16, -0.03), (64, -0.06), (256, -0.5), (1024, -0.8)):
        here = at(size, mean + random.normal(0, 0.1, 8))
        eight += here
        fewer += [measurement for measurement in here if size != 64 or measurement.repeat == 0]
    full, holed = points(eight, A, B), points(fewer, A, B)
    assert [point.sign for point in holed] == [point.sign for point in full]
    assert only(full).bracket == only(holed).bracket == (4, 16)
    assert ends(only(full))[1] > 64
    assert ends(only(holed))[1] > 20


@given(
    means=st.lists(st.floats(-2, 2), min_size=2, max_size=6),
    noise=st.sampled_from([0.001, 0.05, 0.3]),
    processes=st.integers(2, 10),
    seed=st.integers(0, 1000),
)
@settings(max_examples=150, deadline=None)
def test_an_interval_contains_its_size_and_the_bracket_does(
    means: list[float], noise: float, processes: int, seed: int
) -> None:
    """Whatever was measured; and changes never overlap in order."""
    changes = zero_crossings(noisy(means, noise, processes, seed))
    for zero in changes:
        assert zero.bracket[0] <= zero.estimate <= zero.bracket[1] * (1 + 1e-12)
        assert zero.low is None or zero.low <= zero.estimate
        assert zero.high is None or zero.high >= zero.estimate
    for before, after in pairwise(changes):
        assert before.estimate <= after.estimate
        assert before.direction != after.direction


def curve(x: float) -> float:
    """Bends: steep first, then less."""
    return float(3 * np.exp(-x / 1.5) - 0.8)


def step(x: float) -> float:
    return 0.6 if x < 2.9 else -0.6


@pytest.mark.parametrize(
    ("shape", "truth"), [(curve, 1.5 * np.log(3 / 0.8)), (step, 2.9)], ids=["curve", "step"]
)
def test_intervals_hold_the_zero_of_what_is_no_line(
    shape: Callable[[float], float], truth: float
) -> None:
    """Coarse sizes, a bend or a step between them: still 95 of 100."""
    means = [shape(float(np.log(size))) for size in SIZES]
    covered = []
    for seed in range(100):
        changes = zero_crossings(noisy(means, noise=0.03, processes=6, seed=seed))
        if len(changes) == 1 and changes[0].low and changes[0].high:
            covered.append(changes[0].low <= np.exp(truth) <= changes[0].high)
    assert len(covered) > 90
    assert np.mean(covered) >= 0.94


def contains_zero(left: Point, right: Point, weight: float) -> bool:
    """Whether the interval does at one size between two; of the processes that measured both."""
    both = {*left.processes} & {*right.processes}
    if len(both) >= max(2, min(left.count, right.count, 5)):
        before, after = (
            [ratio for process, ratio in zip(p.processes, p.ratios, strict=True) if process in both]
            for p in (left, right)
        )
        middle, reach = robust_mean((1 - weight) * np.array(before) + weight * np.array(after))
    else:
        middle = (1 - weight) * left.mean + weight * right.mean
        reach = (1 - weight) * left.reach(0.95) + weight * right.reach(0.95)
    return abs(middle) <= reach


def plain_walk(points: Sequence[Point], index: int, zero: float, step: int) -> float | None:
    """Walk from ``zero`` through every step of every gap."""
    last = zero
    while 0 <= index < len(points) - 1:
        left, right = points[index], points[index + 1]
        for weight in np.linspace(0, 1, 201)[::step]:
            x = (1 - weight) * left.x + weight * right.x
            if (x - zero) * step <= 0:
                continue
            if not contains_zero(left, right, weight):
                return last
            last = float(x)
        index += step
    return None


@given(
    line=st.lists(
        st.tuples(
            st.sampled_from([0.0, 0.0, 0.2, -0.2, 2.0, -2.0]),
            st.sampled_from([range(4), range(4), range(2), range(2, 4), range(9)]),
        ),
        min_size=2,
        max_size=7,
    ),
    seed=st.integers(0, 1000),
)
@settings(max_examples=60)
def test_every_walk_ends_where_one_step_by_step_does(
    line: list[tuple[float, range]], seed: int
) -> None:
    """Whichever were walked before, from wherever in a gap, and whoever measured each size."""
    random = np.random.default_rng(seed)
    rows = [
        measured
        for k, (mean, processes) in enumerate(line)
        for measured in at(3**k, mean + random.normal(0, 0.3, 9))
        if measured.repeat in processes
    ]
    here = points(rows, A, B)
    walked = Gaps(here)
    for index in range(len(here) - 1):
        zero = 0.3 * here[index].x + 0.7 * here[index + 1].x
        for step in (-1, 1):
            assert walked.walk(index, zero, step) == plain_walk(here, index, zero, step)


def test_each_gap_is_calculated_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the work would grow with the square of the sizes where noise hides many changes."""
    calls = []
    trimmed = crossing.trimmed
    monkeypatch.setattr(crossing, "trimmed", lambda values: (calls.append(1), trimmed(values))[1])
    noise = points([measured for k in range(40) for measured in at(3**k, SPREAD)], A, B)
    walked = Gaps(noise)
    for index, point in enumerate(noise[:-1]):
        assert walked.walk(index, point.x, step=1) is None
        assert walked.walk(index, point.x, step=-1) is None
    assert len(calls) == len(noise) - 1


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
