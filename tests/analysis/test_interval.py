from __future__ import annotations

from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptron.analysis.interval import of_ratio, of_times, robust_mean

times = st.lists(st.floats(1e-9, 1e3), min_size=1, max_size=20)


@pytest.mark.parametrize("count", [3, 5, 8, 10, 20])
def test_the_interval_covers_the_truth_in_95_of_100(count: int) -> None:
    """Over 4,000 simulated runs; a percentile bootstrap of five would cover 81."""
    random = np.random.default_rng(count)
    runs = random.normal(0.0, 0.02, (4_000, count))
    found = [robust_mean(run) for run in runs]
    covered = np.mean([abs(middle) <= reach for middle, reach in found])
    assert 0.935 <= covered <= 0.97


def test_one_slow_process_in_ten_hardly_moves_the_estimate() -> None:
    """A neighbour's burst of 60 % shifts the mean by 6 %, the trimmed mean by less than 1 %."""
    calm = np.random.default_rng(1).normal(0.0, 0.01, 10)
    burst = calm.copy()
    burst[4] = 0.5
    (quiet, narrow), (loud, wide) = robust_mean(calm), robust_mean(burst)
    assert abs(loud - quiet) < 0.01
    assert wide < 2 * narrow


@given(times)
def test_the_estimate_lies_among_the_values_and_in_its_interval(values: list[float]) -> None:
    found = of_times(values)
    assert min(values) * 0.999999 <= found.estimate <= max(values) * 1.000001
    if found.low is not None and found.high is not None:
        assert found.low <= found.estimate <= found.high


@given(times, st.floats(1e-3, 1e3))
def test_units_do_not_matter(values: list[float], factor: float) -> None:
    """Milliseconds in, milliseconds out: the estimate scales with the values."""
    scaled = of_times([factor * value for value in values])
    assert scaled.estimate == pytest.approx(factor * of_times(values).estimate)


@given(times)
def test_a_ratio_turned_round_is_its_inverse(values: list[float]) -> None:
    others = list(reversed(values))
    there, back = of_ratio(values, others), of_ratio(others, values)
    assert there.estimate * back.estimate == pytest.approx(1.0)


def test_one_value_has_no_interval() -> None:
    """Nothing is known of the spread, and nothing is made up."""
    assert robust_mean([1.0]) == (1.0, inf)
    assert of_times([2.0]).low is None
    with pytest.raises(ValueError, match="no times"):
        of_times([])
