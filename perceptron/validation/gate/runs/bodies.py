"""What the proof's suite measures: copied into a repository of its own, and changed there.

Each body does `UNITS` equal units of work, so a head that does 21 instead of 20 is 5 % slower by
count, not by calibration; what a call costs beside its units, below 1 µs of some 1,000, is all that
is missing. One body is of NumPy calls, one of bytecode, one of memory and exponentials, and one of
BLAS on all its threads: each varies between processes in its own way.
"""

from __future__ import annotations

import numpy as np

UNITS = 20

ROWS, FEATURES = 256, 64
_random = np.random.default_rng(1)
INPUTS = _random.random((ROWS, FEATURES), dtype=np.float32)
TARGETS = _random.random((ROWS, 1), dtype=np.float32)
MEBIBYTE = _random.random(2**18, dtype=np.float32)
OUT = np.empty_like(MEBIBYTE)
SQUARE = _random.random((96, 96), dtype=np.float32)


def training() -> None:
    """Train one sigmoid unit under the squared error."""
    weights = np.zeros((FEATURES, 1), dtype=np.float32)
    for _ in range(UNITS):
        outputs = 1 / (1 + np.exp(-(INPUTS @ weights)))
        error = outputs - TARGETS
        delta = error * outputs * (1 - outputs)
        weights -= 0.01 * (INPUTS.T @ delta)


def python() -> None:
    """Add in a loop."""
    for _ in range(UNITS):
        total = 0.0
        for number in range(500):
            total += 0.5 * number


def exponential() -> None:
    """Exponentiate 1 MiB."""
    for _ in range(UNITS):
        np.exp(MEBIBYTE, out=OUT)


def product() -> None:
    """Multiply small matrices."""
    for _ in range(UNITS):
        SQUARE @ SQUARE
