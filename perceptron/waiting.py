"""How long the threads of this process were ready and had no core, as Linux's scheduler counts it.

Standard library only: the gate's program loads this file by its path, also from Python 3.9.

Linux keeps three numbers for each thread in ``/proc/self/task/<id>/schedstat``; the second is the
nanoseconds that it waited on a run queue (https://docs.kernel.org/scheduler/sched-stats.html). What
a host takes from its guest is in none of them: ``steal`` in ``/proc/stat`` has it, for all CPUs.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager

# Samples of 10 ms, of one and of two threads, on two otherwise idle cores: nine in ten waited for
# 0 to 1.4 %, for what the system itself had to do. Beside one busy process two threads waited for
# 50 % and more of nearly every sample. In between there is little, and 2 % of a time is less than
# half of a tie.
LARGEST_WAITED_SHARE = 0.02
"""A sample whose threads waited for a larger share of its time is contended."""
# What the system has to do it does on every core: many threads together wait for more of it.
_SHARE_OF_EACH_THREAD = 0.005


def largest_waited_share(threads: int) -> float:
    """Return the share from which on a sample of so many threads is contended."""
    return max(LARGEST_WAITED_SHARE, _SHARE_OF_EACH_THREAD * threads)


_THREADS = "/proc/self/task"
_CPUS = "/proc/stat"
_STEAL = 8  # of the words of its first line: "cpu", user, nice, system, idle, iowait, irq, softirq


class WaitingMeter:
    """Called, it returns the seconds that all threads of this process together have waited.

    None where the system does not tell. It keeps the files of the threads open and takes about a
    microsecond for each; what a thread that has ended waited still counts.
    """

    processes = 1
    """That train together: their threads wait for each other."""
    device: str | None = None
    """The kind of the device that the threads give work to; None for the host itself."""

    def __init__(self, threads: str = _THREADS) -> None:
        self._threads = threads
        self._files: dict[str, int] = {}
        self._at_first: dict[str, bytes] = {}
        self._nanoseconds: dict[str, tuple[int, int]] = {}
        self.refresh()

    def refresh(self) -> None:
        """Count threads that were started since, too."""
        with contextlib.suppress(OSError):  # no such folder, as on macOS
            for thread in os.listdir(self._threads):
                if thread not in self._at_first:
                    with contextlib.suppress(OSError):  # it has just ended
                        file = f"{self._threads}/{thread}/schedstat"
                        self._files[thread] = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
                        self._at_first[thread] = os.pread(self._files[thread], 64, 0)

    def leave_out_idle(self) -> None:
        """Read no more what threads wait that have not run since this meter knows them.

        Libraries keep threads that others of them do the work of. The main thread stays: what has
        run is counted in steps, and it may have run for less.
        """
        main = str(os.getpid())
        for thread, file in list(self._files.items()):
            if thread == main:
                continue
            with contextlib.suppress(OSError):
                if os.pread(file, 64, 0) == self._at_first[thread]:
                    os.close(self._files.pop(thread))

    def __call__(self) -> float | None:
        for thread, file in self._files.items():
            with contextlib.suppress(OSError, ValueError, IndexError):  # it has ended
                ran, waited = os.pread(file, 64, 0).split()[:2]
                self._nanoseconds[thread] = (int(ran), int(waited))
        # Who asks has run: a kernel that says otherwise does not keep these numbers.
        if not any(ran for ran, _ in self._nanoseconds.values()):
            return None
        return sum(waited for _, waited in self._nanoseconds.values()) / 1e9

    @property
    def threads(self) -> int:
        """Threads that are read, at least 1."""
        return max(1, len(self._files))

    def close(self) -> None:
        """Close the files."""
        for file in self._files.values():
            os.close(file)
        self._files = {}


@contextmanager
def waiting_meter(threads: str = _THREADS) -> Iterator[WaitingMeter]:
    """Yield a meter, closed afterwards."""
    meter = WaitingMeter(threads)
    try:
        yield meter
    finally:
        meter.close()


def stolen_seconds(cpus: str = _CPUS) -> float | None:
    """Return the CPU seconds that the host gave to others so far; None where it is unknown.

    Systems count in steps of 10 ms.
    """
    try:
        with open(cpus, "rb") as file:
            words = file.readline().split()
        return int(words[_STEAL]) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return None
