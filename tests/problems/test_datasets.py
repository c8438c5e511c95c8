from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptron.errors import UserError
from perceptron.problems.datasets import (
    BREAST_CANCER,
    DIGITS,
    OR_GATE,
    SYMPTOMS,
    XOR,
    Clusters,
    Dataset,
    Separable,
)


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


@pytest.mark.parametrize("dataset", [BREAST_CANCER, DIGITS], ids=lambda dataset: dataset.name)
def test_bundled_data_have_the_shape_and_the_classes_they_say(dataset: Dataset) -> None:
    """A description must not promise other shapes than its data has."""
    pytest.importorskip("sklearn")
    inputs, targets = dataset.load()
    assert inputs.shape == (dataset.rows, dataset.features)
    assert targets.shape == (dataset.rows, 1)
    assert set(targets[:, 0]) == set(range(len(dataset.class_names)))


def test_breast_cancer_s_classes_are_named_as_their_library_names_them() -> None:
    """1 is benign there."""
    datasets = pytest.importorskip("sklearn.datasets")
    assert BREAST_CANCER.class_names == tuple(datasets.load_breast_cancer().target_names)


@given(rows=st.integers(2, 300), features=st.integers(1, 40), data=st.data())
def test_clusters_have_equally_many_rows_of_each_class(
    rows: int, features: int, data: st.DataObject
) -> None:
    """Give or take one, whatever their number."""
    classes = data.draw(st.integers(2, rows))
    dataset = Clusters("clusters", rows, features, classes=classes)
    inputs, targets = dataset.generate()
    assert (inputs.shape, targets.shape) == ((rows, features), (rows, 1))
    counts = np.bincount(targets[:, 0].astype(int), minlength=classes)
    assert len(counts) == classes == len(dataset.class_names)
    assert counts.max() - counts.min() <= 1


@pytest.mark.parametrize("features", [16, 64, 784])
@pytest.mark.parametrize("classes", [2, 10])
def test_clusters_can_mostly_be_told_apart(features: int, classes: int) -> None:
    """The nearest centre is right more often than not, and not always; inputs have variance 1."""
    inputs, targets = Clusters("clusters", 4000, features, classes=classes).generate()
    labels = targets[:, 0].astype(int)
    centres = np.stack([inputs[labels == label].mean(axis=0) for label in range(classes)])
    # Squared distances, but for what all centres share.
    distances = (centres**2).sum(axis=1) - 2 * inputs @ centres.T
    accuracy = (distances.argmin(axis=1) == labels).mean()
    assert 0.6 < accuracy < 1.0
    assert (inputs**2).mean() == pytest.approx(1.0, rel=0.2)


@pytest.mark.parametrize("classes", [0, 1, 11])
def test_clusters_need_two_classes_and_a_row_for_each(classes: int) -> None:
    """Said where they are described, not where they are made."""
    with pytest.raises(UserError, match=f"classes: {classes} is not between 2 and the 10 rows"):
        Clusters("clusters", 10, 3, classes=classes)
