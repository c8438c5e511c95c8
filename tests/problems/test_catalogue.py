from __future__ import annotations

import numpy as np
import pytest

from perceptron import optional
from perceptron.errors import UserError
from perceptron.problems import catalogue
from perceptron.problems.optimizer import Adam
from perceptron.problems.problem import Problem


@pytest.fixture
def digits() -> Problem:
    pytest.importorskip("sklearn")
    return catalogue.find("digits")


def test_digits_is_trained_as_people_do(digits: Problem) -> None:
    """Ten classes in batches, by Adam, for thirty epochs."""
    assert (digits.dataset.features, digits.outputs) == (64, 10)
    assert digits.loss == "cross-entropy"
    assert isinstance(digits.optimizer, Adam)
    assert digits.batch == 32
    assert digits.iterations == 30 * digits.iterations_per_epoch


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


@pytest.mark.parametrize("name", ["digits", "breast-cancer"])
def test_data_of_a_library_that_is_not_installed_say_how_to_get_it(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one line, before anything is measured."""
    monkeypatch.setattr(optional, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=f"{name!r}: scikit-learn is not installed: pip install"):
        catalogue.find(name)
