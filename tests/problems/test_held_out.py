from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from perceptron.errors import UserError
from perceptron.problems.datasets import Array, Dataset
from perceptron.problems.held_out import hold_out


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
def test_each_class_is_held_out_by_the_same_share(
    counts: list[int], share: float, seed: int
) -> None:
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


def test_the_same_rows_are_held_out_in_every_process_and_others_by_another_seed() -> None:
    """Backends are compared on the same part."""
    whole = _numbered([50, 50])
    first, again, other = (hold_out(whole, 0.2, seed).divide()[1] for seed in (1, 1, 2))
    assert first is not None
    assert again is not None
    assert other is not None
    np.testing.assert_array_equal(first.inputs, again.inputs)
    assert first.inputs.tolist() != other.inputs.tolist()
    assert hold_out(whole, 0.2) == hold_out(whole, 0.2, seed=1) != hold_out(whole, 0.2, seed=2)


@pytest.mark.parametrize(
    ("share", "message"),
    [
        (0.01, "test_share: 0.01 of 10 rows leaves no row to test on"),
        (0.99, "test_share: 0.99 of 10 rows leaves no row to train on"),
        (0.9, "test_share: 0.9 of 10 rows leaves 1 to train on, fewer than the 2 classes"),
    ],
)
def test_a_part_without_rows_or_classes_is_refused(share: float, message: str) -> None:
    """Before anything is loaded."""
    with pytest.raises(UserError, match=message):
        hold_out(_numbered([5, 5]), share)
