"""What NumPy as most people write it takes beside `numpy`, which reuses its arrays."""

from __future__ import annotations

from perceptron.analysis.interval import Interval
from perceptron.numbers import times_as_long

TEXTBOOK = "numpy-plain"
"""The backend that trains any single model as a textbook does."""


def textbook_sentence(backend: str, ratio: Interval) -> str:
    """Say what a backend of textbook NumPy takes, by its time over that of ``numpy``."""
    takes = times_as_long(ratio.estimate, ratio.low, ratio.high, "numpy")
    return f"Textbook NumPy ({backend}) takes {takes}."
