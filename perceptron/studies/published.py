"""How the walk-through was published."""

from __future__ import annotations

from perceptron.problems.problem import DType

_IN_FLOAT64 = frozenset({"numpy", "numpy-published"})


def published_dtype(backend: str) -> DType:
    """NumPy computed in its default, float64, and PyTorch in its own, float32."""
    return "float64" if backend in _IN_FLOAT64 else "float32"
