"""The trimmed mean is that of scipy, and its error that of the book."""

from __future__ import annotations

import numpy as np
import pytest

from perceptron.statistics.trimmed_mean import trimmed_mean


@pytest.mark.parametrize("count", [5, 8, 23, 60])
def test_mean_and_error_are_those_of_scipy(count: int) -> None:
    from scipy import stats  # takes a second to import

    values = np.random.default_rng(1).standard_t(2, count)
    cut = int(0.2 * count)
    mean, error, freedom = trimmed_mean(values, cut)
    assert mean == pytest.approx(stats.trim_mean(values, 0.2))
    winsorised = stats.mstats.winsorize(values, (cut / count, cut / count)).data
    kept = count - 2 * cut
    assert error == pytest.approx(
        np.sqrt((count - 1) * winsorised.var(ddof=1) / (kept * (kept - 1)))
    )
    assert freedom == kept - 1


def test_without_a_cut_it_is_the_mean_with_its_standard_error() -> None:
    values = np.random.default_rng(2).normal(size=7)
    assert trimmed_mean(values, 0) == pytest.approx(
        (values.mean(), np.std(values, ddof=1) / np.sqrt(7), 6)
    )


def test_rows_are_averaged_each_by_itself() -> None:
    values = np.random.default_rng(3).normal(size=(4, 3, 10))
    mean, error, freedom = trimmed_mean(values, 2)
    assert mean.shape == error.shape == (4, 3)
    assert (mean[2, 1], error[2, 1], freedom) == pytest.approx(trimmed_mean(values[2, 1], 2))


def test_a_single_value_has_no_error() -> None:
    assert trimmed_mean(np.array([3.0]), 0) == (3.0, 0.0, 0)
