from __future__ import annotations

import pytest

from perceptron.analysis.interval import Interval
from perceptron.analysis.side_by_side import ratio_of
from perceptron.records.measurement import Measurement
from tests.made import measured


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
