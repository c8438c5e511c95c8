"""How steady the CPU is, measured: equal work in one fresh process after another."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from perceptron.errors import UserError
from perceptron.measure.timing import Clock, Timing
from perceptron.records.conditions import Steadiness

PROCESSES = 10
# Ten processes take 2.5 s; a machine on which they do not fit is judged by fewer.
_BUDGET_SECONDS = 4.5
_FEWEST = 3
# Makes the median absolute deviation of normal values their standard deviation: 1 / Φ⁻¹(3/4).
_NORMAL = 1.4826

# Seconds that the loop may take; how long it took, or None if that was not enough.
Measure = Callable[[float], float | None]


def fresh_process(limit_seconds: float) -> float | None:
    """Measure seconds of the fixed loop in a new process: the lower quartile of its samples.

    Return None if the process is not done within ``limit_seconds``. Raises `UserError` if none can
    be started.
    """
    try:
        process = subprocess.run(
            [sys.executable, "-I", "-S", str(Path(__file__).with_name("fixed_loop.py"))],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=limit_seconds,
        )
    except subprocess.TimeoutExpired:
        return None
    if process.returncode != 0:
        last = process.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise UserError(f"cannot start a fresh Python process: {' '.join(last)}")
    samples = msgspec.json.decode(process.stdout, type=tuple[float, ...])
    return Timing(samples, iterations=1).seconds


def loop_steadiness(
    measure: Measure = fresh_process, clock: Clock = time.monotonic
) -> Steadiness | None:
    """Measure up to ten processes within 5 s; None if fewer than three ended in time."""
    end = clock() + _BUDGET_SECONDS
    seconds: list[float] = []
    while len(seconds) < PROCESSES and (left := end - clock()) > 0:
        measured = measure(left)
        if measured is None:
            break
        seconds.append(measured)
    return steadiness_of(seconds) if len(seconds) >= _FEWEST else None


def steadiness_of(seconds: list[float]) -> Steadiness:
    """Judge positive times by their robust variation and worst ratio.

    Raises StatisticsError for an empty list.
    """
    middle = statistics.median(seconds)
    deviation = statistics.median(abs(value - middle) for value in seconds)
    return Steadiness(
        seconds=seconds,
        variation=_NORMAL * deviation / middle,
        slowest_to_fastest=max(seconds) / min(seconds),
    )
