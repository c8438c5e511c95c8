from __future__ import annotations

from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.validation.locator.worlds import recorded
from perceptron.analysis.interval import (
    Interval,
    of_ratio,
    of_times,
    ratio_of,
    robust_mean,
    trimmed,
)
from perceptron.records.measurement import Measurement
from tests.made import measured

times = st.lists(st.floats(1e-9, 1e3), min_size=1, max_size=20)


@pytest.mark.parametrize("count", [3, 5, 8, 10, 20])
def test_the_interval_covers_the_truth_in_95_of_100(count: int) -> None:
    """Over 4,000 simulated runs; a percentile bootstrap of five would cover 81."""
    random = np.random.default_rng(count)
    runs = random.normal(0.0, 0.02, (4_000, count))
    intervals = [robust_mean(run) for run in runs]
    covered = np.mean([abs(middle) <= reach for middle, reach in intervals])
    assert 0.935 <= covered <= 0.97


def test_one_slow_process_in_ten_hardly_moves_the_estimate() -> None:
    """A neighbour's burst of 60% shifts the mean by 6%, the trimmed mean by less than 1%."""
    calm = np.random.default_rng(1).normal(0.0, 0.01, 10)
    burst = calm.copy()
    burst[4] = 0.5
    (quiet, narrow), (loud, wide) = robust_mean(calm), robust_mean(burst)
    assert abs(loud - quiet) < 0.01
    assert wide < 2 * narrow


@given(times)
def test_the_estimate_lies_among_the_values_and_in_its_interval(values: list[float]) -> None:
    interval = of_times(values)
    assert min(values) * 0.999999 <= interval.estimate <= max(values) * 1.000001
    if interval.low is not None and interval.high is not None:
        assert interval.low <= interval.estimate <= interval.high


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
    middle, error, freedom = trimmed(np.array([[1.0], [3.0]]))
    assert (list(middle), list(error), freedom) == ([1.0, 3.0], [0.0, 0.0], 0)
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


@pytest.mark.parametrize("count", [8, 12, 20])
def test_independent_values_hardly_pay_for_that(count: int) -> None:
    """Where neighbours are not alike, coverage stays at 94 to 98 of 100."""
    runs = np.random.default_rng(count).standard_t(4, (4_000, count))
    intervals = [robust_mean(run) for run in runs]
    assert 0.94 <= np.mean([abs(middle) <= reach for middle, reach in intervals]) <= 0.98


def test_the_order_of_processes_matters_where_neighbours_are_alike() -> None:
    """A drift widens the interval; the same values shuffled do not. Below eight, order is noise."""
    drift = np.linspace(-0.1, 0.1, 16)
    shuffled = np.random.default_rng(0).permutation(drift)
    (middle, wide), (same, narrow) = robust_mean(drift), robust_mean(shuffled)
    assert middle == pytest.approx(same)
    assert 1.5 * narrow < wide < 3 * narrow
    few = np.linspace(-0.1, 0.1, 7)
    assert robust_mean(few) == pytest.approx(robust_mean(few[::-1]))
    assert robust_mean(few)[1] == pytest.approx(robust_mean(np.roll(few, 3))[1])


def test_equal_values_are_no_drift() -> None:
    """No spread, no correlation, no warning of a division by zero."""
    assert robust_mean([0.5] * 10) == (pytest.approx(0.5), 0.0)


def test_pairs_are_of_processes_that_measured_both() -> None:
    """Whatever the order of the rows; without such a process there is no ratio."""
    rows = [measured(repeat=number, seconds=1.0 + number) for number in (2, 0, 1)]
    rows += [measured(repeat=number, seconds=4.0, backend="torch-cpu") for number in (1, 3)]
    ratio = ratio_of(rows, "torch-cpu", "numpy")
    assert ratio.estimate == pytest.approx(2.0)
    assert ratio.low is None
    assert ratio_of(rows[:3], "torch-cpu", "numpy") is None


def test_contended_processes_do_not_count_where_enough_are_not() -> None:
    """And where all were, the interval holds what the waiting may hide."""

    def rows(waits: list[float]) -> list[Measurement]:
        return [
            measured(repeat=process, seconds=seconds / (1 - waited), backend=backend, waited=waited)
            for process, waited in enumerate(waits)
            for backend, seconds in [("numpy", 1.0), ("torch-cpu", 1.5 + 0.001 * process)]
        ]

    some = ratio_of(rows([0.5, 0.0, 0.6, 0.0, 0.0]), "torch-cpu", "numpy")
    assert some.low > 1.4
    every = ratio_of(rows([0.2] * 5), "torch-cpu", "numpy")
    assert every.low < 1.21
    assert every.high > 1.87


@pytest.mark.parametrize(("numpy", "torch"), [(0.3, 0.3), (0.0, 0.2)])
def test_a_ratio_of_sides_that_waited_long_or_unlike_has_no_interval(
    numpy: float, torch: float
) -> None:
    """Threads at a barrier wait for nothing: beyond a quarter nobody knows what was lost."""
    rows = [
        measured(repeat=process, seconds=seconds, backend=backend, waited=waited)
        for process in range(8)
        for backend, seconds, waited in [("numpy", 1.0, numpy), ("torch-cpu", 4000.0, torch)]
    ]
    assert ratio_of(rows, "torch-cpu", "numpy") == Interval(pytest.approx(4000.0), None, None)
