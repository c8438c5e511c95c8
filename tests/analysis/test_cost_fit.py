from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from perceptron.analysis.cost_fit import Array, costs, neighbourhood


@given(
    arrays(np.float64, (8, 3), elements=st.one_of(st.just(0.0), st.floats(1e-3, 1e6))),
    arrays(np.float64, 8, elements=st.floats(1e-9, 1e3)),
)
@pytest.mark.filterwarnings("error")
def test_costs_are_not_negative_and_no_sum_is_zero(amounts: Array, seconds: Array) -> None:
    amounts[:, 0] = 1.0
    found, left = costs(amounts, seconds)
    assert min(found) >= 0
    assert np.all(amounts @ found > 0)
    assert np.median(left) == pytest.approx(0, abs=1e-9)


def test_costs_that_explain_everything_are_found() -> None:
    random = np.random.default_rng(1)
    amounts = np.column_stack([np.ones(40), *10 ** random.uniform(0, 6, (2, 40))])
    found, left = costs(amounts, amounts @ [1e-5, 1e-8, 0.0])
    assert found[0] == pytest.approx(1e-5, rel=0.02)
    assert found[1] == pytest.approx(1e-8, rel=0.02)
    assert np.max(np.abs(left)) < 0.02


def test_a_tenth_of_absurd_rows_changes_costs_little() -> None:
    random = np.random.default_rng(2)
    amounts = np.column_stack([np.ones(40), 10 ** random.uniform(0, 6, 40)])
    seconds = amounts @ [1e-5, 1e-8]
    seconds[:4] *= [1e-4, 1e4, 1e-4, 1e-4]
    found, _ = costs(amounts, seconds)
    assert found == pytest.approx((1e-5, 1e-8), rel=0.2)


def line(count: int) -> Array:
    """Places in a row."""
    return np.arange(count, dtype=np.float64)[:, None]


def test_a_row_that_all_others_contradict_says_nothing() -> None:
    left = np.full(40, 0.1) * np.resize([1, -1], 40)
    left[17] = -7.0
    found = neighbourhood(line(40), left)
    assert found.kept == (*range(17), *range(18, 40))
    assert len(found.corrections) == 39
    assert found.spread < 0.5


def test_neighbours_that_agree_are_believed_however_far_off_they_are() -> None:
    left = np.zeros(40)
    left[15:25] = 4.0
    assert len(neighbourhood(line(40), left).kept) == 40


def test_of_few_rows_none_is_called_absurd() -> None:
    left = np.zeros(9)
    left[4] = 9.0
    assert len(neighbourhood(line(9), left).kept) == 9
