"""What other projects measured, made up, in numbers that nobody could look at one by one.

``python -m tests.many FILE.csv`` writes one to look at.
"""

from __future__ import annotations

from math import exp, log
from pathlib import Path

import numpy as np

CASES = 686
SIZES = 6
BACKENDS = 4
# How many times as long a backend takes at the largest size as at the smallest.
_GROWTH = 200.0


def many(
    file: Path,
    cases: int = CASES,
    sizes: int = SIZES,
    backends: int = BACKENDS,
    crossing: float = 0.5,
    ratio: float = 4.0,
    seed: int = 1,
) -> Path:
    """Write a table of cases, of which the share ``crossing`` has backends that change places.

    In the others ``backend-0`` is the fastest at every size and each later one slower. Cases are
    called ``case-000`` and so on; those that cross come last. ``ratio`` is that of one size to the
    one before.
    """
    random = np.random.default_rng(seed)
    lines = ["case,size,backend,seconds"]
    largest = ratio ** (sizes - 1)
    for case in range(cases):
        crosses = case >= cases * (1 - crossing)
        apart = 1.2 + case / cases  # the later a case, the further its backends are apart
        for backend in range(backends):
            start = 1e-5 * apart**backend
            end = _GROWTH * (1e-5 * apart**-backend if crosses else start)
            for step in range(sizes):
                size = ratio**step
                seconds = start * exp(log(end / start) * log(size) / log(largest))
                noise = exp(0.005 * random.standard_normal())
                lines.append(f"case-{case:03d},{size:.12g},backend-{backend},{seconds * noise:.6g}")
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file
