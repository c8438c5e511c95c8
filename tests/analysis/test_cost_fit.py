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


def test_of_few_rows_none_is_called_absurd() -> None:
    left = np.zeros(9)
    left[4] = 9.0
    places = np.arange(9, dtype=np.float64)[:, None]
    assert len(neighbourhood(places, left).kept) == 9
