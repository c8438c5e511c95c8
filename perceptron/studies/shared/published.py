"""The dtype of the published walk-through."""

from __future__ import annotations

from perceptron.backends import registry
from perceptron.problems.problem import DType


def published_dtype(backend: str) -> DType:
    """Return the dtype that this backend says: NumPy's default is float64, PyTorch's float32.

    The rungs below NumPy do as it does, so that the ladder removes one thing at a time.
    """
    dtype: DType = getattr(registry.load(backend), "published_dtype", "float32")
    return dtype
