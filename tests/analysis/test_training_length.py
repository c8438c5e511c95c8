from __future__ import annotations

import pytest

from perceptron.analysis.training_length import TrainingLength
from tests.conftest import MakeRow


@pytest.mark.parametrize(
    ("batch", "stated", "iterations"),
    [
        (128, None, 5 * 469),  # 468 and a short one
        (128, 469, 5 * 469),
        (128, 468, 5 * 468),  # the short one is dropped
        (60_000, 1, 5),
        (None, 1, 5),  # every iteration takes all rows
    ],
)
def test_epochs_are_as_many_iterations_as_rows_and_batch_make(
    row: MakeRow, batch: int | None, stated: int | None, iterations: int
) -> None:
    measured = row(rows=60_000, batch=batch, iterations_per_epoch=stated)
    assert TrainingLength(epochs=5).of(measured) == iterations


def test_iterations_are_as_many_at_every_batch(row: MakeRow) -> None:
    length = TrainingLength(iterations=700)
    assert {length.of(row(rows=60_000, batch=batch)) for batch in (1, 128, None)} == {700}


def test_a_source_that_tells_no_rows_has_one_iteration_an_epoch(row: MakeRow) -> None:
    assert TrainingLength(epochs=3).of(row()) == 3
