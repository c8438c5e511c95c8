from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptron.problems.datasets import BREAST_CANCER, OR_GATE, SYMPTOMS, XOR, Separable


@given(rows=st.integers(1, 200), features=st.integers(1, 30), seed=st.integers(0, 5))
def test_separable_data_is_separated_by_a_plane(rows: int, features: int, seed: int) -> None:
    """The random plane that made the targets has every 1 beyond every 0."""
    dataset = Separable("points", rows, features, seed=seed)
    inputs, targets = dataset.generate()
    normal = np.random.default_rng(seed).standard_normal(features)
    score = inputs @ normal
    assert inputs.shape == (rows, features)
    assert targets.shape == (rows, 1)
    if rows > 1:
        assert score[targets[:, 0] == 1].min() > score[targets[:, 0] == 0].max()


@given(rows=st.integers(2, 500))
def test_both_classes_are_there_for_any_number_of_rows(rows: int) -> None:
    """A problem with one class would have a loss that says nothing."""
    _, targets = Separable("points", rows, 3).generate()
    assert {0.0, 1.0} == set(targets[:, 0])


def test_data_is_the_same_at_every_call_and_cannot_be_changed() -> None:
    """Backends share the arrays, so none may spoil them for the next."""
    dataset = Separable("points", 10, 3)
    first, _ = dataset.load()
    again, _ = dataset.generate()
    np.testing.assert_array_equal(first, again)
    with pytest.raises(ValueError, match="read-only"):
        first[0, 0] = 1.0


def test_tables_are_the_published_ones() -> None:
    """The walk-through's observations, value by value."""
    inputs, targets = OR_GATE.load()
    assert inputs.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert targets[:, 0].tolist() == [0, 1, 1, 1]
    assert XOR.load()[1][:, 0].tolist() == [0, 1, 1, 0]
    inputs, targets = SYMPTOMS.load()
    assert inputs.shape == (8, 4)
    assert targets[:, 0].tolist() == [1, 1, 0, 0, 1, 1, 0, 0]
    assert inputs[2].tolist() == inputs[5].tolist()


def test_breast_cancer_has_the_shape_it_says() -> None:
    """A description must not promise other shapes than its data has."""
    pytest.importorskip("sklearn")
    inputs, targets = BREAST_CANCER.load()
    assert inputs.shape == (BREAST_CANCER.rows, BREAST_CANCER.features)
    assert targets.shape == (BREAST_CANCER.rows, 1)
    np.testing.assert_allclose(inputs.std(axis=0), 1.0)
