from __future__ import annotations

from math import exp, isclose, log

from hypothesis import given, settings
from hypothesis import strategies as st

from perceptron.analysis.fleet.between import time_at
from perceptron.analysis.interval import Interval

sizes = st.lists(st.integers(1, 2**20), min_size=3, max_size=8, unique=True).map(sorted)


def around(value: float, share: float = 0.02) -> Interval:
    return Interval(value, value / (1 + share), value * (1 + share))


def test_a_size_that_was_measured_is_as_measured() -> None:
    known = [(4, around(1.0)), (16, around(2.0))]
    found = time_at(known, 16)
    assert found is not None
    assert found.seconds is known[1][1]
    assert found.between is None


def test_outside_of_what_was_measured_there_is_no_time() -> None:
    known = [(4, around(1.0)), (16, around(2.0))]
    assert time_at(known, 3) is None
    assert time_at(known, 17) is None
    assert time_at([], 4) is None


@settings(deadline=None)
@given(sizes, st.floats(-1, 2), st.floats(0.01, 0.99), st.floats(1e-9, 1e3))
def test_a_power_law_is_met_and_its_interval_stays_narrow(
    at: list[int], power: float, share: float, scale: float
) -> None:
    """On a line in logarithms nothing bends: the estimate is exact, the interval that of times."""
    known = [(float(size), around(scale * size**power)) for size in at]
    size = exp(log(at[0]) + share * log(at[-1] / at[0]))
    found = time_at(known, size)
    assert found is not None
    assert isclose(found.seconds.estimate, scale * size**power, rel_tol=1e-6)
    assert found.seconds.low is not None
    assert found.seconds.high is not None
    assert isclose(found.seconds.high / found.seconds.estimate, 1.02, rel_tol=1e-3)


@settings(deadline=None)
@given(st.floats(1e-6, 1e-3), st.floats(1e-9, 1e-6), st.floats(0.01, 0.99), st.integers(0, 6))
def test_a_start_and_a_price_per_size_lie_in_the_interval(
    start: float, each: float, share: float, gap: int
) -> None:
    """Times that bend as those of backends do, flat first, then linear: the line lies above."""
    at = [16.0**power for power in range(1, 9)]
    known = [(size, around(start + each * size, 0.001)) for size in at]
    size = exp(log(at[gap]) + share * log(16))
    found = time_at(known, size)
    assert found is not None
    assert found.between == (at[gap], at[gap + 1])
    assert found.seconds.low is not None
    assert found.seconds.high is not None
    assert found.seconds.low <= start + each * size <= found.seconds.high


def test_between_two_sizes_alone_the_interval_holds_both() -> None:
    """Nothing says how much the line bends."""
    found = time_at([(4, around(1.0)), (64, around(5.0))], 16)
    assert found is not None
    assert found.seconds == Interval(found.seconds.estimate, 1 / 1.02, 5 * 1.02)


def test_single_values_give_an_estimate_without_an_interval() -> None:
    found = time_at([(4, Interval(1.0, None, None)), (64, around(4.0))], 16)
    assert found is not None
    assert isclose(found.seconds.estimate, 2.0)
    assert (found.seconds.low, found.seconds.high) == (None, None)
