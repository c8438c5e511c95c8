from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptron.errors import UserError
from perceptron.problems.problem import Loss
from perceptron.problems.targets import classes_of, targets_for

losses = st.sampled_from(get_args(Loss))


@given(st.lists(st.integers(0, 4), min_size=1), losses)
def test_classes_become_a_one_among_zeros_and_come_back(labels: list[int], loss: Loss) -> None:
    """The form that every loss compares several outputs with."""
    targets = targets_for(np.array(labels, dtype=np.float64).reshape(-1, 1), loss, 5)
    assert targets.shape == (len(labels), 5)
    assert set(targets.ravel()) <= {0.0, 1.0}
    np.testing.assert_array_equal(targets.sum(axis=1), 1.0)
    assert classes_of(targets).tolist() == labels


@pytest.mark.parametrize(
    ("values", "outputs", "message"),
    [
        ([[0.0], [3.0]], 3, "classes 0 … 2, one for each output, but row 1 has 3"),
        ([[-1.0]], 3, "row 0 has -1"),
        ([[0.5]], 3, "row 0 has 0.5"),
        ([[float("nan")]], 3, "row 0 has nan"),
        ([[0.0, 1.0]], 3, "3 outputs do not fit 2 columns of targets"),
    ],
)
def test_what_is_no_class_is_refused(values: list[list[float]], outputs: int, message: str) -> None:
    """A backend would index past its outputs."""
    with pytest.raises(UserError, match=message):
        targets_for(np.array(values), "cross-entropy", outputs)
