from __future__ import annotations

from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from benchmarks.validation.locator.worlds import recorded
from perceptron.statistics.interval import (
    of_times,
    quantile,
    ratio_within,
    robust_mean,
    trimmed,
)
from tests.made import measured

times = st.lists(st.floats(1e-9, 1e3), min_size=1, max_size=20)


@pytest.mark.parametrize("count", [3, 5, 8, 10, 20])
def test_interval_covers_truth_in_95_of_100(count: int) -> None:
    """Over 4,000 simulated runs; a percentile bootstrap of five would cover 81."""
    random = np.random.default_rng(count)
    runs = random.normal(0.0, 0.02, (4_000, count))
    intervals = [robust_mean(run) for run in runs]
    covered = np.mean([abs(middle) <= reach for middle, reach in intervals])
    assert 0.935 <= covered <= 0.97


@given(st.integers(1, 40), st.floats(0.01, 0.99999))
def test_students_t_is_that_of_scipy(df: int, confidence: float) -> None:
    """Of few degrees of freedom, too, for which scipy is not imported."""
    expected = special.stdtrit(df, (1 + confidence) / 2)
    assert quantile(df, confidence) == pytest.approx(expected, rel=1e-9)


@given(times)
def test_interval_contains_estimate_within_values(values: list[float]) -> None:
    interval = of_times(values)
    assert min(values) * 0.999999 <= interval.estimate <= max(values) * 1.000001
    if interval.low is not None and interval.high is not None:
        assert interval.low <= interval.estimate <= interval.high


def test_interval_of_one_value_is_unknown() -> None:
    """Nothing is known of the spread, and nothing is made up."""
    assert robust_mean([1.0]) == (1.0, inf)
    assert of_times([2.0]).low is None
    middle, error, df = trimmed(np.array([[1.0], [3.0]]))
    assert (list(middle), list(error), df) == ([1.0, 3.0], [0.0, 0.0], 0)
    with pytest.raises(ValueError, match="no times"):
        of_times([])


def test_consecutive_real_processes_are_covered_as_well() -> None:
    """Neighbours are alike, which alone would take the interval's coverage below 93%.

    Every two recorded bodies side by side, every stretch of 8 to 20 processes of theirs.
    """
    covered = []
    for ours in recorded().values():
        for theirs in recorded().values():
            ratios = np.array(theirs[1::2]) - np.array(ours[0::2])
            truth = float(trimmed(ratios)[0])
            for count in (8, 12, 16, 20):
                stretches = np.lib.stride_tricks.sliding_window_view(ratios, count)
                covered += [abs(m - truth) <= reach for m, reach in map(robust_mean, stretches)]
    assert np.mean(covered) >= 0.943


def test_pairs_are_of_processes_that_measured_both() -> None:
    """Whatever the order of the rows; without such a process there is no ratio."""
    rows = [measured(repeat=number, seconds=1.0 + number) for number in (2, 0, 1)]
    rows += [measured(repeat=number, seconds=4.0, backend="torch-cpu") for number in (1, 3)]
    ratio = ratio_within(rows, "torch-cpu", "numpy")
    assert ratio.estimate == pytest.approx(2.0)
    assert ratio.low is None
    assert ratio_within(rows[:3], "torch-cpu", "numpy") is None
