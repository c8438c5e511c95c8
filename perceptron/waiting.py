"""How long the threads of this process were ready and had no core, as Linux's scheduler counts it.

Standard library only: the gate's program loads this file by its path, also from Python 3.9.

Linux keeps three numbers for each thread in ``/proc/self/task/<id>/schedstat``; the second is the
nanoseconds that it waited on a run queue (https://docs.kernel.org/scheduler/sched-stats.html). What
a host takes from its guest is in none of them: ``steal`` in ``/proc/stat`` has it, for all CPUs.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Meter = Callable[[], "float | None"]
"""Seconds so far; None where the system does not tell."""

LARGEST_WAITED_SHARE = 0.02
"""Of a sample's wall time, all threads together: one that waited longer is disturbed."""

_THREADS = "/proc/self/task"
_CPUS = "/proc/stat"
_STEAL = 8  # of the words of its first line: "cpu", user, nice, system, idle, iowait, irq, softirq


@contextmanager
def waiting_meter(threads: str = _THREADS) -> Iterator[Meter]:
    """Yield a meter of the seconds that all threads of this process together have waited.

    It knows the threads that exist now, and is cheap, about a microsecond a thread, because it
    keeps their files open. One that ends keeps what it had.
    """
    files: list[int] = []
    # No such folder (macOS), or a kernel without these numbers.
    with contextlib.suppress(OSError):
        for thread in sorted(os.listdir(threads)):
            with contextlib.suppress(OSError):  # it has just ended
                files.append(os.open(f"{threads}/{thread}/schedstat", os.O_RDONLY | os.O_CLOEXEC))

    last: dict[int, int] = {}

    def seconds() -> float | None:
        for file in files:
            with contextlib.suppress(OSError, ValueError, IndexError):  # the thread has ended
                last[file] = int(os.pread(file, 64, 0).split()[1])
        return sum(last.values()) / 1e9 if last else None

    try:
        yield seconds
    finally:
        for file in files:
            os.close(file)


def stolen_seconds(cpus: str = _CPUS) -> float | None:
    """Return the CPU seconds that the host gave to others so far; None where it is unknown.

    Systems count in steps of 10 ms, so this says something of a tenth of a second or more.
    """
    try:
        with open(cpus, "rb") as file:
            words = file.readline().split()
        return int(words[_STEAL]) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return None
