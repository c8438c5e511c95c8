"""GPU times that cannot be right: the timed code did not wait for the device.

A flat time alone is no such thing. A GPU that waits for its launches takes equally long whatever
the work, until the work fills it: an H100 does so while NumPy's time grows thousands of times. So a
flat GPU is believed, with a caution, unless physics forbids it. Rows of the suite itself wait for
the device by contract, and are never suspect for being flat.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from math import exp, log
from operator import attrgetter
from statistics import median

from perceptron.questions.crossover.comparable import BySize
from perceptron.questions.overhead.device_share import is_beside_host
from perceptron.records.measurement import Measurement
from perceptron.statistics.interval import LARGEST_LOG
from perceptron.statistics.select import has_time, is_own

SYNCHRONIZE = "synchronize before stopping the timer"

# Words that only names of GPU backends contain: torch-cuda, jax[gpu], cupy; not numpy-gpuless.
_GPU_NAME = re.compile(r"(?<![a-z])(gpu|cuda|cupy|rocm|mps|xpu|metal|tpu)(?![a-z])", re.IGNORECASE)
# An interpreter moves a few bytes in the time of a hundred: nothing bounds what a GPU gains on it.
_INTERPRETER_NAME = re.compile(r"(?<![a-z])(c?python|pypy)(?![a-z])", re.IGNORECASE)
# Flat: within 10% while the CPU's work grows a thousandfold.
_FLAT = log(1.10)
_GROWTH = log(1000.0)

# How far ahead a flat GPU may be. Where launches hide the work at every size, the memory idles most
# of the time at the largest as well; a device that moves over half of what the fastest memory known
# can (8 TB/s) cannot hide that, and its time grows. Compiled code on a CPU is taken to move 5 GB/s
# at its largest size (a thread of NumPy or PyTorch moves 3 to 15), so that a flat GPU more than 800
# times as fast would have to move more. Flat GPUs that were waited for are far below: a published
# RTX 4090 is 13 times as fast, and all that an H100 (3.35 TB/s) can gain on a thread of NumPy where
# memory limits a training is 200 to 700 times.
_SLOWEST_CPU = 5e9
# NVIDIA's B200: a 72nd of what the GB200 NVL72 product page states.
_FASTEST_MEMORY = 8000e9
_MOST_AHEAD = _FASTEST_MEMORY / 2 / _SLOWEST_CPU

# NVIDIA's B200 on dense products of 16-bit numbers, in tensor cores: no training that is compared
# here has had more.
_FASTEST_RATE = 2.5e15


def gpus_among(rows: Iterable[Measurement]) -> set[str]:
    """Return the backends that run on a GPU; by their names where no row states a device."""
    devices: dict[str, set[str | None]] = {}
    for backend, device in set(map(attrgetter("backend", "device"), rows)):
        devices.setdefault(backend, set()).add(device)
    return {
        backend
        for backend, own in devices.items()
        if (_GPU_NAME.search(backend) if own == {None} else any(map(is_beside_host, own)))
    }


def suspicions(
    rows: Sequence[Measurement], by_backend: Mapping[str, BySize], sizes: Sequence[float]
) -> tuple[str | None, str | None]:
    """Return why a GPU's times over these sizes cannot be right, and a caution if they are flat.

    ``rows`` are those of two backends at these sizes, which ``by_backend`` has too. None of these
    where nothing is wrong. Only times that other tools measured can be too short.
    """
    backends = set(by_backend)
    gpus = gpus_among(rows) & backends
    if len(gpus) != 1 or not sizes:
        return None, None
    (gpu,), (cpu,) = gpus, backends - gpus
    foreign = [row for row in rows if row.backend == gpu and not is_own(row)]
    impossible = _below_floor(foreign)
    gpu_times, cpu_times = (_logs(by_backend[name], sizes) for name in (gpu, cpu))
    growth = _range(cpu_times)
    if growth < _GROWTH or _range(gpu_times) > _FLAT:
        return impossible, None
    last = max(sizes)
    ahead = exp(min(cpu_times[last] - gpu_times[last], LARGEST_LOG))
    if not impossible and foreign and ahead > _MOST_AHEAD and not _INTERPRETER_NAME.search(cpu):
        moved = ahead * _SLOWEST_CPU / 1e12
        impossible = (
            f"{gpu}'s times are physically impossible; with {_SLOWEST_CPU / 1e9:g} GB/s for {cpu} "
            f"they imply {moved:.2g} TB/s at size {last:,.6g}; {SYNCHRONIZE}"
        )
    grown = exp(min(growth, LARGEST_LOG))
    times_as_long = f"{grown:,.0f}" if grown < 1e9 else f"{grown:.0e}"
    why = f"launch-bound, or not waited for; {SYNCHRONIZE}" if foreign else "launch-bound"
    return impossible, (
        f"{gpu} takes equally long at all sizes while {cpu} takes {times_as_long} times as long: "
        f"{why}"
    )


def _below_floor(rows: Sequence[Measurement]) -> str | None:
    """Return which time is shorter than the products of its training can take on any device."""
    for row in rows:
        operations = _operations(row)
        if operations is None or not has_time(row) or row.seconds is None:
            continue
        floor = operations / _FASTEST_RATE
        if row.seconds < floor:
            return (
                f"{row.backend}'s times are physically impossible; they imply "
                f"{operations / row.seconds / 1e15:.2g} PFLOP/s at size {row.size:,.6g}; "
                f"{SYNCHRONIZE}"
            )
    return None


def _operations(row: Measurement) -> float | None:
    """Return operations of an iteration's matrix products at least; None where no shape is stated.

    Of each layer one product forwards and one for the gradient of its weights.
    """
    batch = row.batch or row.rows
    if batch is None or row.features is None or row.hidden is None:
        return None
    widths = [row.features, *row.hidden, row.outputs or 1]
    return 2 * 2.0 * batch * sum(left * right for left, right in pairwise(widths))


def _logs(by_size: BySize, sizes: Sequence[float]) -> dict[float, float]:
    return {size: log(median(map(attrgetter("seconds"), by_size[size]))) for size in sizes}


def _range(logs: Mapping[float, float]) -> float:
    return max(logs.values()) - min(logs.values())
