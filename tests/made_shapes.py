"""Shapes and measured times made up, for whoever asks which backend is the fastest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from perceptron.questions.fastest.measured_shape import MeasuredShape, Repeat, TrainingShape

WHEN = "2026-01-01T00:00:00Z"


def shape(**fields: Any) -> TrainingShape:
    """A shape, of which any field can be given."""
    return TrainingShape(**({"rows": 1000, "features": 20} | fields))


def measured(
    of: TrainingShape,
    backend: str = "numpy",
    seconds: float = 1.0,
    *,
    factors: Sequence[float] = (1.0, 1.0, 1.0),
    waited: float | None = None,
    setup_seconds: float = 0.0,
    **fields: Any,
) -> MeasuredShape:
    """A row of repeats, in multiples of the seconds; any field can be given."""
    repeats = tuple(
        Repeat(number, seconds * factor, setup_seconds, waited)
        for number, factor in enumerate(factors)
    )
    usual = {"device": "cpu", "dtype": "float32", "threads": 1, "when": WHEN, "together": "a run"}
    of_run = usual | fields
    return MeasuredShape(
        **({"session": of_run["together"]} | of_run), shape=of, backend=backend, repeats=repeats
    )
