"""Two states of a machine: what splits, what does not, and what stays decided."""

from __future__ import annotations

from math import exp, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptron.questions.crossover.points import points
from perceptron.records.measurement import Measurement
from perceptron.statistics.interval import ratio_within
from perceptron.statistics.ranking import rank_rows
from perceptron.statistics.states import state_warnings, two_states
from tests.made import measured

# NumPy at width 128 of a committed run: two of eight processes met a slower machine.
RECORDED = (128, 79, 78, 74, 72, 120, 76, 81)
# Both backends as fast in each state, a factor of 1.6 apart; and noise of a per cent.
SLOW = (1.6, 1.0, 1.01, 0.99, 1.0, 1.62, 1.01, 1.0)
EVEN = (1.0, 1.01, 0.99, 1.0, 1.01, 1.0, 0.99, 1.0)


def rows(**times: tuple[float, ...]) -> list[Measurement]:
    return [
        measured(backend=backend, repeat=repeat, seconds=1e-4 * value, waited=0.0)
        for backend, values in times.items()
        for repeat, value in enumerate(values)
    ]


def scaled(times: tuple[float, ...], factor: float) -> tuple[float, ...]:
    return tuple(factor * time for time in times)


def test_states_find_two_slow_processes() -> None:
    states = two_states([log(time) for time in RECORDED])
    assert states is not None
    assert (states.upper, round(states.factor, 2)) == ((0, 5), 1.62)
    (warning,) = state_warnings(rows(numpy=RECORDED, torch=EVEN))
    assert "1.62× as long in repeats 0 and 5 as in repeats 1–4, 6 and 7" in warning.message


@given(
    st.lists(st.floats(-0.03, 0.03), min_size=8, max_size=12),
    st.permutations(range(8)),
    st.sampled_from([2, 3, 4]),
    st.floats(0.5, 3),
    st.floats(-20, 20),
)
def test_states_far_apart_are_found_in_any_order_and_unit(
    noise: list[float], order: list[int], slow: int, apart: float, unit: float
) -> None:
    places = sorted(order[:slow])
    values = [unit + each + apart * (at in places) for at, each in enumerate(noise)]
    states = two_states(values)
    assert states is not None
    assert list(states.upper) == places
    assert abs(log(states.factor) - apart) <= 0.06


@given(st.lists(st.floats(-9, 9), max_size=12))
def test_states_partition_values_with_a_gap(values: list[float]) -> None:
    states = two_states(values)
    if states is not None:
        assert sorted(states.lower + states.upper) == list(range(len(values)))
        assert min(len(states.lower), len(states.upper)) >= 2
        lowest = min(values[place] for place in states.upper)
        assert lowest - max(values[place] for place in states.lower) >= log(1.25)


def _drifting(random: np.random.Generator, count: int) -> np.ndarray:
    return 0.3 * np.arange(count) / count + random.normal(0, 0.05, count)


@pytest.mark.parametrize(
    "draw",
    [
        lambda random, count: random.normal(0, 0.1, count),
        lambda random, count: 0.05 * random.standard_t(3, count),
        lambda random, count: 0.05 * random.exponential(1, count),
        _drifting,
    ],
    ids=["normal", "heavy tails", "skewed", "drift"],
)
@pytest.mark.parametrize("count", [6, 8, 12, 32])
def test_noise_is_one_state(draw: object, count: int) -> None:
    assert callable(draw)
    random = np.random.default_rng(1)
    split = sum(two_states(draw(random, count).tolist()) is not None for _ in range(4000))
    assert split <= 8  # of 4,000; a family has some 20 such samples at most


def test_states_need_two_slow_processes() -> None:
    assert two_states([0.0] * 9 + [1.0]) is None


def test_states_winner_in_both_stays_decided() -> None:
    ranking = rank_rows(rows(a=SLOW, b=scaled(SLOW, 1.5)))
    assert (ranking.winner, ranking.slower) == ("a", ("b",))


@pytest.mark.parametrize(("factor", "leader"), [(1.3, "b"), (0.8, "a")])
def test_states_winner_in_one_is_undecided(factor: float, leader: str) -> None:
    """`a` is slowed beyond `b`: means alone would decide, by how many repeats met which state."""
    own = rows(a=(1.6, 1.0, 1.01, 1.61, 1.0, 1.6, 1.01, 1.59), b=scaled(EVEN, factor))
    ratio = ratio_within(own, "a", "b")
    assert ratio is not None
    assert ratio.low is not None
    assert ratio.high is not None
    in_each = (1.0 / factor, 1.6 / factor)
    assert ratio.low < in_each[0] < in_each[1] < ratio.high
    assert (rank_rows(own).decided == "no") == (in_each[0] < 1 < in_each[1])
    (point,) = points(own, "b", "a")
    assert abs(exp(point.interval()[0]) - ratio.low) < 1e-9 * ratio.low
    assert abs(exp(point.interval()[1]) - ratio.high) < 1e-9 * ratio.high
