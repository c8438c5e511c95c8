"""How the walk-through was published."""

from __future__ import annotations

from perceptron.problems.problem import DType

_IN_FLOAT64 = frozenset({"numpy", "numpy-published", "numpy-inplace", "python", "numba", "jax-cpu"})


def published_dtype(backend: str) -> DType:
    """NumPy computed in its default, float64, and PyTorch in its own, float32.

    The rungs below NumPy do as it does, so that the ladder removes one thing at a time.
    """
    return "float64" if backend in _IN_FLOAT64 else "float32"
