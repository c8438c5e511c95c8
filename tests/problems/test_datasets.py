"""Data that problems train on, made, bundled or given, and kept for others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptron.errors import UserError
from perceptron.problems import datasets
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
from perceptron.problems.datasets import given as given_arrays
from perceptron.problems.families import NAMED
from perceptron.problems.held_out import hold_out


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


@pytest.mark.parametrize(
    ("dataset", "load"), [(BREAST_CANCER, "load_breast_cancer"), (DIGITS, "load_digits")]
)
def test_bundled_data_have_the_shape_and_the_classes_they_say(dataset: Dataset, load: str) -> None:
    """A description must not promise other shapes than its data has; 1 is benign."""
    bundled = pytest.importorskip("sklearn.datasets")
    inputs, targets = dataset.load()
    assert inputs.shape == (dataset.rows, dataset.features)
    assert targets.shape == (dataset.rows, 1)
    assert set(targets[:, 0]) == set(range(len(dataset.class_names)))
    assert dataset.class_names == tuple(map(str, getattr(bundled, load)().target_names))


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


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that processes share, in which data of any size are kept."""
    monkeypatch.setenv(datasets.DATA_FOLDER, str(tmp_path))
    monkeypatch.setattr(datasets, "_WORTHWHILE_BYTES", 0)
    datasets.forget()
    return tmp_path


@pytest.mark.parametrize("share", [0.0, 0.25])
def test_data_are_made_once_and_read_by_others(
    shared: Path, monkeypatch: pytest.MonkeyPatch, share: float
) -> None:
    """The held-out part too; what is read is equal, plain and read-only."""
    data = hold_out(Clusters("clusters", 40, 3, classes=4), share)
    made = data.parts()
    datasets.forget()  # as another process
    other = Clusters("clusters", 40, 3, classes=4, seed=2).load()
    assert not np.array_equal(other.inputs[:20], made[0].inputs[:20])
    monkeypatch.setattr(Clusters, "generate", lambda self: pytest.fail("made again"))
    read = data.parts()
    assert (read[1] is None) == (made[1] is None) == (share == 0.0)
    for before, after in zip(made, read, strict=True):
        for array, other in zip(before or (), after or (), strict=True):
            assert np.array_equal(array, other)
            assert type(other) is np.ndarray
            assert not other.flags.writeable
    datasets.forget()


def test_dataset_is_regenerated_if_not_cached(shared: Path) -> None:
    """A folder that is gone costs the sharing, not the measurement, and leaves nothing behind."""
    shared.rmdir()
    data = Clusters("clusters", 40, 3, classes=4)
    assert data.load().inputs.shape == (40, 3)
    assert not shared.exists()
    datasets.forget()


INPUTS = np.arange(12.0).reshape(6, 2)
TARGETS = np.array([0, 1, 0, 1, 1, 0])


def test_arrays_are_what_a_problem_trains_on() -> None:
    """Targets of one axis become a column; what is changed afterwards changes nothing."""
    own = INPUTS.copy()
    data = given_arrays(own, TARGETS, ("no", "yes"))
    own[0] = 99
    problem = replace(NAMED["xor"], dataset=data)
    inputs, targets = problem.training_part()
    np.testing.assert_array_equal(inputs, INPUTS)
    np.testing.assert_array_equal(targets, TARGETS.reshape(-1, 1))
    assert (data.rows, data.features, data.class_names) == (6, 2, ("no", "yes"))
    assert not inputs.flags.writeable


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
def test_dataset_refuses_invalid_arrays(
    inputs: np.ndarray, targets: np.ndarray, words: str
) -> None:
    with pytest.raises(UserError) as caught:
        given_arrays(inputs, targets)
    assert words in str(caught.value)
