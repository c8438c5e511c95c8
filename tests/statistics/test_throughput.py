from __future__ import annotations

import pytest

from perceptron.statistics.throughput import TrainingLength, epoch_of, models_of
from tests.made import measured


@pytest.mark.parametrize(
    ("iterations", "epoch_seconds", "rows"),
    [(None, 12e-3, 100), (12, 12e-3, 100), (11, 11e-3, 99)],
    ids=["not stated", "last kept", "last dropped"],
)
def test_throughput_epoch_has_iterations_of_row(
    iterations: int | None, epoch_seconds: float, rows: int
) -> None:
    """100 rows in batches of 9: twelve iterations, or eleven if the short one is dropped."""
    epoch = epoch_of(measured(rows=100, batch=9, iterations_per_epoch=iterations))
    assert epoch.seconds(1e-3) == pytest.approx(epoch_seconds)
    assert epoch.rows_per_second(1e-3) == pytest.approx(rows / epoch_seconds)


def test_rows_of_all_models_count() -> None:
    """Each model trains on the batch: eight train on eight times the rows a second."""
    one, many = (epoch_of(measured(rows=100, batch=10, models=models)) for models in (None, 8))
    assert many.seconds(1e-3) == one.seconds(1e-3)
    assert many.rows_per_second(1e-3) == 8 * one.rows_per_second(1e-3)


def test_throughput_models_default_to_one() -> None:
    """One where it says nothing, or what makes no sense."""
    assert [models_of(measured(models=models)) for models in (None, 8, -3, 10**30)] == [1, 8, 1, 1]


@pytest.mark.parametrize(
    "fields",
    [
        {"rows": 100},
        {"batch": 9},
        {"rows": 0, "batch": 1},
        {"rows": 9, "batch": -1},
        {"rows": 9, "batch": 3, "iterations_per_epoch": -2},
        {"rows": 10**30, "batch": 3},
    ],
    ids=str,
)
def test_full_batches_and_impossible_numbers_have_no_epoch(fields: dict[str, int]) -> None:
    assert epoch_of(measured(**fields)) is None


def test_training_length_of_epochs_follows_batches() -> None:
    """Of all rows at once, or of rows that nobody counted, each epoch is one iteration."""
    in_batches, whole = (measured(rows=60_000, batch=batch) for batch in (128, None))
    lengths = TrainingLength(epochs=5), TrainingLength(iterations=700)
    assert [lengths[0].of(row) for row in (in_batches, whole, measured())] == [5 * 469, 5, 5]
    assert [lengths[1].of(row) for row in (in_batches, whole, measured())] == [700] * 3
