"""Shapes and measured times made up, for whoever asks which backend is the fastest."""

from __future__ import annotations

from typing import Any

from perceptron.questions.fastest.measured_shape import MeasuredShape, TrainingShape

WHEN = "2026-01-01T00:00:00Z"


def shape(**fields: Any) -> TrainingShape:
    """A shape, of which any field can be given."""
    return TrainingShape(**({"rows": 1000, "features": 20} | fields))


def measured(of: TrainingShape, backend: str = "numpy", **fields: Any) -> MeasuredShape:
    """A row that is known to a tenth; any field can be given."""
    seconds = fields.get("seconds", 1.0)
    about = {"seconds": seconds, "low": seconds / 1.1, "high": seconds * 1.1}
    return MeasuredShape(
        **({"shape": of, "backend": backend, "device": "cpu", "when": WHEN} | about | fields)
    )
