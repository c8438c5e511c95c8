"""Curves over the seeds: medians of looks, and bands that no seed leaves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptron.analysis.race.curves import race_curves
from tests.made import race_row, race_rows

looks = st.lists(st.floats(0, 1), min_size=1, max_size=6)


def test_a_curve_of_each_backend_begins_when_training_does() -> None:
    """A fresh one after imports and preparing; what was skipped has none."""
    fresh = {curve.competitor.backend: curve for curve in race_curves(race_rows(), "fresh", "loss")}
    assert fresh.keys() == {"numpy", "torch-cpu"}
    assert fresh["numpy"].points[0].seconds == pytest.approx(0.3 + 0.103 / 3)
    resident = race_curves(race_rows(), "resident", "accuracy")[0]
    assert resident.points[0].seconds == pytest.approx(0.103 / 3)
    assert [point.value for point in resident.points] == [0.7, 0.9, 0.96]
    assert [point.epochs for point in resident.points] == [1, 2, 3]


def test_a_seed_that_is_there_keeps_what_it_had() -> None:
    """The band would fall otherwise when the quick ones are done."""
    rows = [race_row(0, accuracies=(0.97,)), race_row(1, accuracies=(0.5, 0.6, 0.95))]
    (curve,) = race_curves(rows, "resident", "accuracy")
    assert [(point.low, point.high) for point in curve.points] == [
        (0.5, 0.97),
        (0.6, 0.97),
        (0.95, 0.97),
    ]


@given(st.lists(st.tuples(looks, st.floats(0.01, 10)), min_size=1, max_size=7))
def test_time_never_runs_backwards_and_bands_hold_the_median(
    seeds: list[tuple[list[float], float]],
) -> None:
    rows = [race_row(n, accuracies=seen, train=train) for n, (seen, train) in enumerate(seeds)]
    (curve,) = race_curves(rows, "fresh", "accuracy")
    assert len(curve.points) == max(len(seen) for seen, _ in seeds)
    times = [point.seconds for point in curve.points]
    assert times == sorted(times)
    assert all(point.low <= point.value <= point.high for point in curve.points)
