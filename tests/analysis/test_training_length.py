from __future__ import annotations

import pytest

from perceptron.analysis.training_length import TrainingLength
from tests.conftest import MakeRow


@pytest.mark.parametrize(
    ("batch", "drops_last", "iterations", "trained"),
    [
        (128, False, 5 * 469, 60_000),  # 468 and a short one
        (128, True, 5 * 468, 468 * 128),
        (100, False, 5 * 600, 60_000),
        (100, True, 5 * 600, 60_000),
        (60_000, True, 5, 60_000),
        (None, False, 5, 60_000),  # every iteration takes all rows
    ],
)
def test_epochs_are_as_many_iterations_as_rows_and_batch_make(
    row: MakeRow, batch: int | None, drops_last: bool, iterations: int, trained: int
) -> None:
    length = TrainingLength(epochs=5, drops_last=drops_last)
    assert length.of(row(rows=60_000, batch=batch)) == iterations
    assert length.rows_per_epoch(60_000, batch) == trained


def test_iterations_are_as_many_at_every_batch(row: MakeRow) -> None:
    length = TrainingLength(iterations=700)
    assert {length.of(row(rows=60_000, batch=batch)) for batch in (1, 128, None)} == {700}


def test_a_source_that_tells_no_rows_has_one_iteration_an_epoch(row: MakeRow) -> None:
    length = TrainingLength(epochs=3)
    assert length.of(row()) == 3
    assert length.rows_per_epoch(None, None) is None
