"""The trimmed mean is that of scipy, and its error that of the book."""

from __future__ import annotations

import numpy as np
import pytest

from perceptron.statistics.trimmed_mean import trimmed_mean


@pytest.mark.parametrize("count", [3, 5, 8, 23, 60])
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


def test_trimmed_mean_of_one_value_has_no_error() -> None:
    assert trimmed_mean(np.array([3.0]), 0) == (3.0, 0.0, 0)
