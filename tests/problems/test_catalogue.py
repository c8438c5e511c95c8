from __future__ import annotations

import numpy as np
import pytest

from perceptron.problems import catalogue
from perceptron.problems.problem import Problem


@pytest.fixture
def digits() -> Problem:
    pytest.importorskip("sklearn")
    return catalogue.find("digits")


def test_digits_holds_out_a_part_of_every_digit(digits: Problem) -> None:
    """1,797 images in two parts, and no digit only in one."""
    train, test = digits.training_part(), digits.held_out_part()
    assert test is not None
    assert len(train.inputs) == digits.dataset.rows
    assert len(train.inputs) + len(test.inputs) == 1797
    for part in (train, test):
        assert part.targets.shape == (len(part.inputs), 10)
        assert part.targets.sum(axis=0).min() > 0
    np.testing.assert_allclose(
        train.targets.mean(axis=0), test.targets.mean(axis=0), atol=1 / len(test.inputs)
    )
