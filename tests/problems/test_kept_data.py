from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from perceptron.problems import datasets, kept_data
from perceptron.problems.datasets import Clusters
from perceptron.problems.held_out import hold_out


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that processes share, in which data of any size are kept."""
    monkeypatch.setenv(kept_data.FOLDER, str(tmp_path))
    monkeypatch.setattr(kept_data, "_WORTHWHILE_BYTES", 0)
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
    monkeypatch.setattr(Clusters, "generate", lambda self: pytest.fail("made again"))
    read = data.parts()
    assert (read[1] is None) == (made[1] is None) == (share == 0.0)
    for before, after in zip(made, read, strict=True):
        for one, other in zip(before or (), after or (), strict=True):
            assert np.array_equal(one, other)
            assert type(other) is np.ndarray
            assert not other.flags.writeable
    datasets.forget()


def test_other_data_are_made(shared: Path) -> None:
    first = Clusters("clusters", 40, 3, classes=4).load()
    second = Clusters("clusters", 40, 3, classes=4, seed=2).load()
    assert not np.array_equal(first.inputs, second.inputs)
    datasets.forget()


def test_what_cannot_be_kept_is_made_again(shared: Path) -> None:
    """A folder that is gone costs the sharing, not the measurement, and leaves nothing behind."""
    shared.rmdir()
    data = Clusters("clusters", 40, 3, classes=4)
    assert data.load().inputs.shape == (40, 3)
    assert not shared.exists()
    datasets.forget()


def test_small_data_and_those_of_no_study_are_not_kept(
    shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    Clusters("clusters", 40, 3, classes=4).load()
    monkeypatch.setenv(kept_data.FOLDER, str(shared))
    datasets.forget()
    Clusters("clusters", 40, 3, classes=4).load()
    assert list(shared.iterdir()) == []
    datasets.forget()
