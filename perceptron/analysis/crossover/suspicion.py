"""GPU times that cannot be right: the timed code did not wait for the device."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import exp, log
from statistics import median

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
    gpus = [backend for backend in backends if is_gpu(rows, backend)]
    if len(gpus) != 1:
        return None
    (gpu,) = gpus
    (other,) = set(backends) - {gpu}
    growth = _range(rows, other, sizes)
    if growth < _GROWTH or _range(rows, gpu, sizes) > _FLAT:
        return None
    grown = exp(min(growth, LARGEST_LOG))
    factor = f"{grown:,.0f}" if grown < 1e9 else f"{grown:.0e}"
    return f"{gpu} takes equally long while {other} takes {factor} times as long"


def _range(rows: Sequence[Measurement], backend: str, sizes: Sequence[float]) -> float:
    """Return the logarithm of the slowest over the fastest size."""
    by_size: dict[float, list[Measurement]] = {size: [] for size in sizes}
    for row in rows:
        if row.backend == backend and row.size in by_size:
            by_size[row.size].append(row)
    logs = [log(median(times(members, backend).values())) for members in by_size.values()]
    return max(logs) - min(logs)
