from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perceptron.analysis.crossover import crossing
from perceptron.analysis.crossover.crossing import Gaps, ZeroCrossing, zero_crossings
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
    rows = [
        measurement
        for size, mean in zip(SIZES, means, strict=False)
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
