"""Conditions of the machine that make timings more or less trustworthy.

The steadiness of the CPU is measured: equal work in one fresh process after another.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import psutil

from perceptron.machine import usable_cores
from perceptron.measure.launch import printed
from perceptron.measure.nvml import gpu_states
from perceptron.measure.timing import Clock
from perceptron.processes.timed_loop import lower_quartile
from perceptron.records.conditions import Conditions, Steadiness

# Fresh processes of the fixed loop.
PROCESSES = 10
# Ten processes take 2.5 s; a slow machine is judged by fewer.
_BUDGET_SECONDS = 4.5
_FEWEST = 3
# Makes the median absolute deviation of normal values their standard deviation: 1 / Φ⁻¹(3/4).
_NORMAL = 1.4826

# Most seconds for the loop → its seconds, or None if it took longer.
MeasureLoop = Callable[[float], float | None]
# Steps of the clock to choose the smallest from, and readings after which it counts as stopped.
_TICKS, _READINGS = 1_000, 1_000_000
# psutil's names of busy times; a guest's time is in "user" already.
_BUSY = ("user", "nice", "system", "irq", "softirq", "steal")


def conditions(with_loop: bool) -> Conditions:
    """Return the conditions; ``with_loop`` adds those that take time to measure, 5 s at most.

    Raises `UserError` if no process can be started.
    """
    # First: the readings below are load too. The load of other users' cores is no evidence.
    load = load_average() if usable_cores() == os.cpu_count() else None
    cpu, swap = psutil.cpu_times(), swap_memory()
    loop = loop_steadiness() if with_loop else None
    return Conditions(
        governors=governors(),
        load=load,
        quota_cores=quota_cores(),
        loop=loop,
        steal_share=steal_share(cpu, psutil.cpu_times()) if with_loop else None,
        swap_used_bytes=None if swap is None else swap.used,
        swapped_bytes=swapped_bytes(swap, swap_memory()) if with_loop else None,
        clock_resolution_seconds=time.get_clock_info("perf_counter").resolution,
        clock_tick_seconds=clock_tick(),
        on_battery=on_battery(),
        gpus=gpu_states(),
    )


def governors(root: Path = Path("/")) -> list[str] | None:
    """Return the distinct frequency governors of the CPUs; None if Linux has none.

    https://docs.kernel.org/admin-guide/pm/cpufreq.html
    """
    files = (root / "sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq/scaling_governor")
    return sorted({text for text in map(_text, files) if text}) or None


def quota_cores(root: Path = Path("/")) -> float | None:
    """Return the cores that this process's control group, or a parent, grants; None: no limit.

    https://docs.kernel.org/admin-guide/cgroup-v2.html
    """
    top = root / "sys/fs/cgroup"
    lines = (_text(root / "proc/self/cgroup") or "").splitlines()
    group_path = next((line.removeprefix("0::/") for line in lines if line.startswith("0::/")), "")
    quotas = []
    for group in (top / group_path, *(top / group_path).parents):
        fields = (_text(group / "cpu.max") or "").split()
        # "max", or no file, as for the host's path inside a container: no limit.
        if len(fields) == 2 and all(word.isdecimal() for word in fields) and int(fields[1]):
            quotas.append(int(fields[0]) / int(fields[1]))
        if group == top:
            break
    return min(quotas, default=None)


def load_average() -> float | None:
    """Return the load average of the last minute, in processes; None if unknown."""
    with contextlib.suppress(OSError):
        return float(psutil.getloadavg()[0])
    return None


def steal_share(before: Any, after: Any) -> float | None:
    """Return steal time as a share of the busy CPU time between two psutil readings."""
    if not hasattr(after, "steal"):
        return None
    busy = busy_seconds(after) - busy_seconds(before)
    return float(max(0.0, after.steal - before.steal) / busy) if busy > 0 else None


def busy_seconds(cpu: Any) -> float:
    """Return the busy seconds of a psutil reading of a CPU."""
    return float(sum(getattr(cpu, name, 0.0) for name in _BUSY))


def swap_memory(system: Any = psutil) -> Any | None:
    """Return psutil's reading of swap; None if unknown."""
    with warnings.catch_warnings(), contextlib.suppress(OSError, RuntimeError, RuntimeWarning):
        warnings.simplefilter("error")  # psutil warns if it made up numbers
        return system.swap_memory()
    return None


def swapped_bytes(before: Any | None, after: Any | None) -> int | None:
    """Return the bytes swapped in and out between two psutil readings."""
    if before is None or after is None:
        return None
    return int(after.sin - before.sin + after.sout - before.sout)


def clock_tick(clock: Clock = time.perf_counter) -> float | None:
    """Return the smallest step of the clock in seconds; None if it has stopped."""
    steps: list[float] = []
    previous = clock()
    for _ in range(_READINGS):
        reading = clock()
        if reading > previous:
            steps.append(reading - previous)
        if len(steps) == _TICKS:
            break
        previous = reading
    return min(steps, default=None)


def on_battery(system: Any = psutil) -> bool | None:
    """Return whether the power comes from a battery; None if there is none or it is unknown."""
    with contextlib.suppress(OSError, RuntimeError, AttributeError):  # not every system has it
        battery = system.sensors_battery()
        if battery is not None and battery.power_plugged is not None:
            return not battery.power_plugged
    return None


def _text(file: Path) -> str | None:
    try:
        return file.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return None


def in_fresh_process(limit_seconds: float) -> float | None:
    """Return the seconds of the fixed loop in a new process: the lower quartile of its samples.

    None if the process takes longer than ``limit_seconds``. Raises `UserError` if no process can be
    started.
    """
    command = [sys.executable, "-I", "-S", str(Path(__file__).with_name("fixed_loop.py"))]
    try:
        output = printed(command, limit_seconds)
    except subprocess.TimeoutExpired:
        return None
    samples = msgspec.json.decode(output, type=tuple[float, ...])
    return lower_quartile(samples)


def loop_steadiness(
    measure: MeasureLoop = in_fresh_process, clock: Clock = time.monotonic
) -> Steadiness | None:
    """Time the loop in up to ten processes within 5 s; None if fewer than three ended in time."""
    end = clock() + _BUDGET_SECONDS
    seconds: list[float] = []
    while len(seconds) < PROCESSES and (seconds_left := end - clock()) > 0:
        measured = measure(seconds_left)
        if measured is None:
            break
        seconds.append(measured)
    if len(seconds) < _FEWEST:
        return None
    median = statistics.median(seconds)
    deviation = statistics.median(abs(value - median) for value in seconds)
    return Steadiness(
        seconds=seconds,
        variation=_NORMAL * deviation / median,
        slowest_to_fastest=max(seconds) / min(seconds),
    )
