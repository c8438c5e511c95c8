from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from perceptron.errors import UserError
from perceptron.problems.given_data import given
from perceptron.problems.named import NAMED

INPUTS = np.arange(12.0).reshape(6, 2)
TARGETS = np.array([0, 1, 0, 1, 1, 0])


def test_arrays_are_what_a_problem_trains_on() -> None:
    """Targets of one axis become a column; what is changed afterwards changes nothing."""
    own = INPUTS.copy()
    data = given(own, TARGETS, ("no", "yes"))
    own[0] = 99
    problem = replace(NAMED["xor"], dataset=data)
    inputs, targets = problem.training_part()
    np.testing.assert_array_equal(inputs, INPUTS)
    np.testing.assert_array_equal(targets, TARGETS.reshape(-1, 1))
    assert (data.rows, data.features, data.class_names) == (6, 2, ("no", "yes"))
    assert not inputs.flags.writeable


def test_equal_contents_are_equal_data_and_others_are_not() -> None:
    """The values are kept by the data set: two of one shape must not be taken for each other."""
    one, same = given(INPUTS, TARGETS), given(INPUTS.astype(np.float32), TARGETS)
    other = given(INPUTS, 1 - TARGETS)
    assert one == same
    assert hash(one) == hash(same)
    assert one != other
    assert repr(one) != repr(other)
    assert one.load().targets[0] == 0
    assert other.load().targets[0] == 1
    xor = NAMED["xor"]
    digests = [replace(xor, dataset=data).digest for data in (one, same, other)]
    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize(
    ("inputs", "targets", "words"),
    [
        (INPUTS, TARGETS[:5], "inputs (6, 2) and targets (5,): give (rows, features)"),
        (INPUTS[0], TARGETS, "inputs (2,) and targets (6,): give (rows, features)"),
        (INPUTS[:0], TARGETS[:0], "inputs (0, 2) and targets (0,): give (rows, features)"),
        (np.where(INPUTS == 3, np.nan, INPUTS), TARGETS, "inputs: a number is not finite"),
        (INPUTS, TARGETS + np.inf, "targets: a number is not finite"),
    ],
)
def test_what_is_no_data_is_refused(inputs: np.ndarray, targets: np.ndarray, words: str) -> None:
    with pytest.raises(UserError) as caught:
        given(inputs, targets)
    assert words in str(caught.value)
