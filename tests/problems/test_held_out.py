"""Rows that are held out: a share of each class, or a fold of each model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from perceptron.backends.contract.problems import problems
from perceptron.problems.datasets import Array, Clusters, Dataset
from perceptron.problems.held_out import hold_out
from perceptron.problems.problem import Problem, Unsupported


@dataclass(frozen=True)
class _Numbered(Dataset):
    """Rows that are told apart by their one input, of these classes."""

    labels: tuple[float, ...] = ()

    def generate(self) -> tuple[Array, Array]:
        inputs = np.arange(len(self.labels), dtype=np.float64).reshape(-1, 1)
        return inputs, np.array(self.labels).reshape(-1, 1)


def _numbered(counts: Sequence[int]) -> _Numbered:
    labels = tuple(float(label) for label, count in enumerate(counts) for _ in range(count))
    names = tuple(f"class {label}" for label in range(len(counts)))
    return _Numbered("numbered", len(labels), 1, class_names=names, labels=labels)


counts = st.lists(st.integers(2, 40), min_size=2, max_size=6)
shares = st.floats(0.01, 0.9)


@given(counts, shares, st.integers(0, 5))
def test_held_out_share_is_equal_per_class(counts: list[int], share: float, seed: int) -> None:
    """To within a row where each can spare that many; none is only in the part held out."""
    whole = _numbered(counts)
    test_rows = round(share * whole.rows)
    assume(1 <= test_rows <= whole.rows - len(counts))
    dataset = hold_out(whole, share, seed)
    train, test = dataset.parts()
    assert test is not None
    assert (len(train.inputs), len(test.inputs)) == (whole.rows - test_rows, test_rows)
    assert dataset.rows == len(train.inputs)
    for label, count in enumerate(counts):
        held = int((test.targets == label).sum())
        assert held < count
        if all(number * dataset.rows >= 2 * whole.rows for number in counts):
            assert abs(held - count * test_rows / whole.rows) < 1
    # Every row is in one part, with the target it came with.
    numbers = np.concatenate([train.inputs, test.inputs])[:, 0]
    assert sorted(numbers) == list(range(whole.rows))
    targets = np.concatenate([train.targets, test.targets])[:, 0]
    assert [whole.labels[int(number)] for number in numbers] == targets.tolist()


def test_held_out_rows_follow_seed() -> None:
    """Backends are compared on the same part."""
    whole = _numbered([50, 50])
    first, again, other = (hold_out(whole, 0.2, seed).divide()[1] for seed in (1, 1, 2))
    assert first is not None
    assert again is not None
    assert other is not None
    np.testing.assert_array_equal(first.inputs, again.inputs)
    assert first.inputs.tolist() != other.inputs.tolist()
    assert hold_out(whole, 0.2) == hold_out(whole, 0.2, seed=1) != hold_out(whole, 0.2, seed=2)


_PROBLEM = next(problem for problem in problems() if problem.name == "many-perceptrons")


def in_folds(rows: int, models: int) -> Problem:
    dataset = Clusters("clusters", rows, 5, classes=3)
    return replace(_PROBLEM, dataset=dataset, models=models, folds=True, batch=4)


def rows_of(inputs: Array) -> set[tuple[float, ...]]:
    """Return the rows as what can be compared; no two of `Clusters` are alike."""
    return {tuple(row) for row in inputs}


@pytest.mark.parametrize(("rows", "models"), [(12, 4), (12, 12), (14, 4)])
def test_held_out_folds_hold_each_row_once(rows: int, models: int) -> None:
    """By one model, whose training part has all others; those left over are held out by none."""
    problem = in_folds(rows, models)
    train, held_out = problem.parts()
    assert held_out is not None
    size = rows // models
    assert held_out.inputs.shape == (models, size, 5)
    assert train.inputs.shape == (models, rows - size, 5)
    assert train.targets.shape == (models, rows - size, 3)
    everything = rows_of(Clusters("clusters", rows, 5, classes=3).load().inputs)
    seen = [rows_of(fold) for fold in held_out.inputs]
    assert len(set.union(*seen)) == sum(len(fold) for fold in seen) == models * size
    for inputs, fold in zip(train.inputs, seen, strict=True):
        assert rows_of(inputs) == everything - fold


def test_held_out_folds_need_many_model_backend() -> None:
    """In one line: a backend refuses by itself."""
    problem = in_folds(12, 4)
    for ask in (problem.training_part, problem.held_out_part, problem.start_parameters):
        with pytest.raises(Unsupported, match="trains one model at a time, not 4 together"):
            ask()
