"""Curves over the seeds: medians of looks, and bands that no seed leaves."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from perceptron.analysis.race.curves import race_curves
from tests.made import race_row

looks = st.lists(st.floats(0, 1), min_size=1, max_size=6)


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
