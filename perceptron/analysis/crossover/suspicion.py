"""GPU times that cannot be right: the timed code did not wait for the device."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import exp, log

import numpy as np

from perceptron.analysis.interval import LARGEST_LOG
from perceptron.analysis.select import times
from perceptron.records.measurement import Measurement

# Words that only names of GPU backends contain: torch-cuda, jax[gpu], cupy; not numpy-gpuless.
_GPU_NAME = re.compile(r"(?<![a-z])(gpu|cuda|cupy|rocm|mps|metal|tpu)(?![a-z])", re.IGNORECASE)
# A GPU whose time stays within 10 % while the work grows a thousandfold was not waited for.
_FLAT = log(1.10)
_GROWTH = log(1000.0)


def is_gpu(rows: Sequence[Measurement], backend: str) -> bool:
    """Return whether this backend runs on a GPU; by its name where no row states a device."""
    devices = {row.device for row in rows if row.backend == backend}
    if devices <= {None}:
        return _GPU_NAME.search(backend) is not None
    return bool(devices - {None, "cpu"})


def flat_gpu(
    rows: Sequence[Measurement], backends: tuple[str, str], sizes: Sequence[float]
) -> str | None:
    """Return why a GPU's times over these sizes cannot be right; None if they can."""
    ranges = {backend: _range(rows, backend, sizes) for backend in backends}
    for gpu, other in (backends, backends[::-1]):
        if not is_gpu(rows, gpu) or is_gpu(rows, other):
            continue
        if ranges[gpu] <= _FLAT and ranges[other] >= _GROWTH:
            grown = exp(min(ranges[other], LARGEST_LOG))
            factor = f"{grown:,.0f}" if grown < 1e9 else f"{grown:.0e}"
            return f"{gpu} takes equally long while {other} takes {factor} times as long"
    return None


def _range(rows: Sequence[Measurement], backend: str, sizes: Sequence[float]) -> float:
    """Return the logarithm of the slowest over the fastest size."""
    logs = [
        log(np.median(list(times([row for row in rows if row.size == size], backend).values())))
        for size in sizes
    ]
    return max(logs) - min(logs)
