"""What the first training of a process compiled for all is no part of it."""

from __future__ import annotations

import pytest

from benchmarks.validation.fastest.compiled_once import without_compiled_once
from perceptron.records.measurement import Measurement
from tests.made import measured


def prepared(*seconds: float, backend: str = "numba", models: int = 1) -> list[Measurement]:
    """Rows of one process in the order of its trainings."""
    return [measured(backend=backend, models=models, prepare_seconds=one) for one in seconds]


def seconds_of(rows: list[Measurement]) -> list[float | None]:
    return [row.prepare_seconds for row in without_compiled_once(rows)]


def test_the_first_is_prepared_as_later_ones_are() -> None:
    assert seconds_of(prepared(4.0, 0.01, 0.03, 0.02)) == [0.02, 0.01, 0.03, 0.02]


def test_one_model_and_several_are_compiled_apart() -> None:
    rows = [*prepared(4.0, 0.01, 0.02), *prepared(3.0, 0.03, 0.05, models=7)]
    assert seconds_of(rows) == pytest.approx([0.015, 0.01, 0.02, 0.04, 0.03, 0.05])


@pytest.mark.parametrize("seconds", [(0.5, 0.4, 0.6), (0.5, 0.1, 0.01), (4.0, 0.01)])
def test_what_is_compiled_for_each_training_stays(seconds: tuple[float, ...]) -> None:
    """And of two trainings nobody knows."""
    assert seconds_of(prepared(*seconds)) == list(seconds)


def test_processes_and_backends_are_apart() -> None:
    numpy = prepared(0.5, 0.5, 0.5, backend="numpy")
    assert seconds_of([*prepared(4.0, 0.01, 0.01), *numpy]) == [0.01] * 3 + [0.5] * 3
