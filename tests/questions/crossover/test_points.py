from __future__ import annotations

from collections.abc import Sequence
from math import exp, log, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptron.questions.crossover.points import Point, between_sizes, points, with_ratio
from perceptron.statistics.contention import UNKNOWN
from perceptron.statistics.interval import Interval
from tests.questions.crossover.conftest import A, B, at, row


def made(by_size: dict[float, Sequence[float]]) -> list[Point]:
    return points(
        [measurement for size, ratios in by_size.items() for measurement in at(size, ratios)],
        A,
        B,
    )


def singles(ratios: Sequence[float], stdev: float | None = None) -> list[int]:
    """Signs of single values at sizes 1, 4, 16, …"""
    rows = [
        measurement for k, ratio in enumerate(ratios) for measurement in at(4**k, [ratio], stdev)
    ]
    return [point.sign for point in points(rows, A, B)]


@pytest.mark.parametrize(
    ("ratio", "nothing"),
    [
        (Interval(2.0, 1.5, 3.0), False),
        (Interval(2.0, 1.5, None), False),  # the winner waited
        (Interval(2.0, None, 3.0), True),
        (Interval(2.0, None, None), True),
    ],
)
def test_point_with_given_ratio_has_its_bounds(ratio: Interval, nothing: bool) -> None:
    """An end that waiting leaves unknown stays so: no winner is read off, and no slope."""
    (point,) = [
        candidate for candidate in made({8: [1.0, 1.1, 1.2], 64: [1, 1, 1]}) if candidate.size == 8
    ]
    known = with_ratio(point, ratio)
    assert exp(known.mean) == pytest.approx(ratio.estimate)
    low, high = known.interval()
    assert (low < -UNKNOWN / 2) if ratio.low is None else low == pytest.approx(log(ratio.low))
    assert (high > UNKNOWN / 2) if ratio.high is None else high == pytest.approx(log(ratio.high))
    assert (known.sign, known.uninformative) == ((0, True) if nothing else (1, False))


def wrongly_decided(sizes: int, processes: int) -> float:
    """Share of lines of two equal backends on which a winner is decided at some size."""
    random = np.random.default_rng(0)
    wrong = [
        any(
            point.sign
            for point in made({2**k: random.normal(0, 0.05, processes) for k in range(sizes)})
        )
        for _ in range(200)
    ]
    return float(np.mean(wrong))


@pytest.mark.parametrize(
    ("sizes", "processes"),
    [(1, 8), (11, 3), (2, 2), (4, 3)],
)
def test_noise_alone_seldom_makes_a_winner(sizes: int, processes: int) -> None:
    """At 95 % for all sizes together; hundreds of lines, so that chance has little say."""
    assert wrongly_decided(sizes, processes) <= 0.10


def test_point_pooling_does_not_narrow_stated_interval() -> None:
    """Three calm runs at one size, and at another a single run that was all but calm."""
    single = [
        row(backend=backend, size=16, seconds=seconds, low=0.5, high=1.5, file="run0.json")
        for backend, seconds in ((A, 1.0), (B, 0.9))
    ]
    calm, stated = points([*at(1, [0.49, 0.5, 0.51]), *single], A, B)
    assert (calm.sign, stated.sign) == (1, 0)
    assert stated.interval() == pytest.approx((-log(3), log(3)))


def test_repeats_in_the_order_of_their_times_make_no_winner() -> None:
    """Equally long ones of one table, sorted: pair by pair they differ by nearly the same."""
    times = np.exp(np.linspace(-0.05, 0.05, 10))
    rows = [
        row(backend=backend, size=1, repeat=k, seconds=seconds * factor, file="times.csv")
        for backend, factor in ((A, 1.0), (B, 1.01))
        for k, seconds in enumerate(times)
    ]
    (point,) = points(rows, A, B)
    assert (point.sign, point.count, point.processes) == (0, 10, ())


def plainly_borrowed(others: list[list[float]]) -> tuple[float, float]:
    """Return the variance that half of the others' degrees of freedom lie below, and its weight."""
    from scipy.stats import chi2  # takes a second to import

    fair = []
    for ratios in others:
        df = len(ratios) - 1
        if df:
            variance = float(np.var(ratios, ddof=1)) / (float(chi2.median(df)) / df)
            fair += [variance] * df
    return (sorted(fair)[(len(fair) - 1) // 2], min(4, len(fair))) if fair else (0.0, 0)


@given(
    # Quarters: some variances are equal, some zero.
    st.lists(st.lists(st.integers(-4, 4), min_size=1, max_size=4), min_size=1, max_size=8)
)
def test_point_pooled_variance_excludes_its_size(quarters: list[list[int]]) -> None:
    """As sorted anew for every size, each variance listed once for every degree of freedom."""
    ratios = [[quarter / 4 for quarter in here] for here in quarters]
    line = made({2**k: here for k, here in enumerate(ratios)})
    for k, (point, here) in enumerate(zip(line, ratios, strict=True)):
        borrowed, lent = plainly_borrowed(ratios[:k] + ratios[k + 1 :])
        df = len(here) - 1
        own = float(np.var(here, ddof=1)) if df else 0.0
        total = df + lent
        variance = (df * own + lent * borrowed) / total if total else 0.0
        assert point.df == total
        assert point.error == pytest.approx(sqrt(variance / len(here)))


@pytest.mark.parametrize(
    ("ratios", "signs"),
    [
        ([0.5, -0.04, -0.03, 0.5], [1, 0, 0, 1]),
        ([0.5, -0.04, -0.06, 0.5], [1, -1, -1, 1]),  # one of the stretch is more than a tie
        ([0.5, 0.5, -0.04], [1, 1, -1]),  # it does not change back
        ([-0.5, 0.04, -0.5], [-1, 0, -1]),
    ],
)
def test_point_single_value_dip_is_noise(ratios: list[float], signs: list[int]) -> None:
    """Within ±5 %, between sizes on either side; at the ends it counts."""
    assert singles(ratios) == signs


def test_point_noise_threshold_grows_with_stated_spread() -> None:
    """10 % on both sides are 14 % on their ratio: a dip of 12 % is nothing, one of 16 % is."""
    assert singles([0.5, -0.12, 0.5], stdev=0.1) == [1, 0, 1]
    assert singles([0.5, -0.16, 0.5], stdev=0.1) == [1, -1, 1]
    assert singles([0.5, -0.12, 0.5], stdev=0.01) == [1, -1, 1]


@pytest.mark.parametrize("share", [0.1, 0.9])
def test_point_unknown_bound_stays_unknown_between_sizes(share: float) -> None:
    """However near the other size is, at which it is known."""
    below = Point(16, 0.5, error=0.01, df=5, hidden=(UNKNOWN, 0.0))
    above = Point(64, 0.7, error=0.01, df=5)
    between = between_sizes(below, above, 16 * 4**share, 0.95)
    assert between.low is None
    assert between.high == pytest.approx(exp(0.5 + 0.2 * share), rel=0.1)
