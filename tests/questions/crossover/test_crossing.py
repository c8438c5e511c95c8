from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perceptron.questions.crossover.crossing import (
    Indices,
    known_ranges,
    uncertainties,
    zero_crossings,
)
from perceptron.questions.crossover.points import Point, points
from tests.questions.crossover.conftest import SPREAD, A, B, at

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


def measured(means: Mapping[float, float], noise: float = 0.01) -> list[Point]:
    rows = [
        measurement
        for size, mean in means.items()
        for measurement in at(size, mean + noise * SPREAD)
    ]
    return points(rows, A, B)


@given(
    means=st.lists(st.floats(-2, 2), min_size=2, max_size=6),
    noise=st.sampled_from([0.001, 0.05, 0.3]),
    processes=st.integers(2, 10),
    seed=st.integers(0, 1000),
)
@settings(max_examples=150, deadline=None)
def test_crossing_estimate_lies_in_interval_and_bracket(
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


def remaining(points: list[Point]) -> list[Indices]:
    return uncertainties(points, zero_crossings(points))


def test_crossing_of_clear_sweep_leaves_no_doubt() -> None:
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


def test_steep_slopes_beside_a_gap_make_room_in_it() -> None:
    """What has just fallen may keep falling, and must rise again as steeply as it rises beyond.

    Near to the line a fall is enough.
    """
    levels = measured({1: 4.0, 4: 1.5, 16: 1.4, 64: 1.3})
    valley = measured({1: 4.0, 4: 1.5, 16: 1.4, 64: 4.0})
    near = measured({1: 1.5, 4: 0.3, 16: 0.4, 64: 0.5})
    assert remaining(levels) == []
    assert (1, 2) in remaining(valley)
    assert (1, 2) in remaining(near)


def test_between_two_ties_another_winner_hides_only_beside_slopes() -> None:
    """A search begins with gaps of a factor of four; of wider ones nothing is known."""
    close = measured({1: 0.02, 4: 0.02, 16: 0.02}, noise=0.001)
    assert remaining(close) == []
    assert remaining(measured({1: 0.02, 16: 0.02}, noise=0.001)) == [(0, 1)]
    slope = measured({1: 0.02, 4: 0.02, 16: 0.5}, noise=0.001)
    assert (0, 1) in remaining(slope)


def test_crossing_lead_within_tie_is_not_in_doubt() -> None:
    """However close to chance: whoever is ahead, it is a tie."""
    weak = measured(dict.fromkeys((1, 1.1, 1.2), 0.02), noise=0.012)
    assert [(point.sign, point.is_tie) for point in weak] == [(1, True)] * 3
    assert remaining(weak) == []


def test_crossing_size_where_loser_could_win_is_in_doubt() -> None:
    """By more than ±5 %, as far as its interval goes; where it is surely a tie, it is not."""
    wide = measured({1: 1.0, 1.2: 0.0, 1.44: 1.0}, noise=0.1)
    assert wide[1].sign == 0
    assert (1, 1) in remaining(wide)
    surely_close = measured({1: 1.0, 1.2: 0.0, 1.44: 1.0}, noise=0.01)
    ahead_if_at_all = measured({1: 1.0, 1.2: 0.1, 1.44: 1.0}, noise=0.12)
    for line in (surely_close, ahead_if_at_all):
        assert line[1].sign == 0
        assert (1, 1) not in remaining(line)


def test_crossing_from_one_weak_size_is_in_doubt() -> None:
    """A single size just beyond its interval: likelier by chance than by a change."""
    base = dict.fromkeys((1, 1.2, 1.44, 1.73), 0.5)
    weak, strong = (measured(base | {2.07: last}, noise=0.1) for last in (-0.13, -0.5))
    assert weak[-1].sign == strong[-1].sign == -1
    assert (4, 4) in remaining(weak)
    assert (4, 4) not in remaining(strong)
    of_each = [known_ranges(line, remaining(line)) for line in (weak, strong)]
    assert [ranges[-1] for ranges in of_each] == [(0, 3), (4, 4)]


def test_crossing_interval_over_factor_four_is_in_doubt() -> None:
    """It may hold several changes: all sizes inside are named."""
    line = measured({1: 0.8, 4: 0.02, 16: 0.0, 64: -0.02, 256: -0.8}, noise=0.1)
    (zero,) = zero_crossings(line)
    assert zero.high / zero.low > 4
    inside = [index for index, p in enumerate(line) if zero.low <= p.size <= zero.high]
    assert (inside[0], inside[-1]) in remaining(line)
