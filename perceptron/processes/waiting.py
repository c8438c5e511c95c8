"""How long the threads of this process were ready but had no core, as Linux's scheduler counts it.

Standard library only: the gate's program loads this file by its path, also from Python 3.9.

Linux keeps three numbers for each thread in ``/proc/self/task/<id>/schedstat``; the second is the
nanoseconds that it waited on a run queue (https://docs.kernel.org/scheduler/sched-stats.html). They
do not include the time that a host takes from its guest: ``steal`` in ``/proc/stat`` has it, for
all CPUs.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager

# Samples of 10 ms, of one and of two threads, on two otherwise idle cores: nine in ten waited for
# 0 to 1.4 %, for work of the system itself. Beside a busy process two threads waited for 50 % and
# more of nearly every sample. There is little in between, and 2 % of a time is less than half of a
# tie.
LARGEST_WAIT_SHARE = 0.02
"""A sample whose threads waited for a larger share of its time is contended."""
# The system does work on every core: many threads together wait for more of it.
_SHARE_OF_EACH_THREAD = 0.005


def largest_wait_share(threads: int) -> float:
    """Return the share of waiting above which a sample of ``threads`` threads is contended."""
    return max(LARGEST_WAIT_SHARE, _SHARE_OF_EACH_THREAD * threads)


_THREADS = "/proc/self/task"
_CPUS = "/proc/stat"
_STEAL = 8  # of the words of its first line: "cpu", user, nice, system, idle, iowait, irq, softirq


class WaitingMeter:
    """Returns, when called, the seconds that all threads of this process have waited, summed.

    It returns None if the system does not count them. The files of the threads stay open; a call
    takes about a microsecond for each. The waiting of a thread that has ended still counts.
    """

    processes = 1
    """The number of processes that train together; their threads wait for each other."""
    device: str | None = None
    """The kind of device that the threads give work to; None for the host itself."""

    def __init__(self, *folders: str, excluded: tuple[str, ...] = ()) -> None:
        """Read the threads in ``folders``, by default those of this process.

        Threads whose names start with ``excluded`` are not read.
        """
        self._folders, self._excluded = folders or (_THREADS,), excluded
        self._files: dict[str, int] = {}
        self._at_first: dict[str, bytes] = {}
        self._nanoseconds: dict[str, tuple[int, int]] = {}
        self.refresh()

    def refresh(self) -> None:
        """Also count threads that have started since."""
        for folder in self._folders:
            with contextlib.suppress(OSError):  # no such folder, as on macOS
                for thread in os.listdir(folder):
                    if f"{folder}/{thread}" not in self._at_first:
                        self._add(f"{folder}/{thread}")

    def _add(self, thread: str) -> None:
        with contextlib.suppress(OSError):  # it has just ended
            if self._excluded:
                with open(f"{thread}/comm") as name:
                    if name.read().startswith(self._excluded):
                        self._at_first[thread] = b""
                        return
            self._files[thread] = os.open(f"{thread}/schedstat", os.O_RDONLY | os.O_CLOEXEC)
            self._at_first[thread] = os.pread(self._files[thread], 64, 0)

    def leave_out_idle(self) -> None:
        """Stop reading threads that have not run since this meter first read them.

        Libraries have idle threads beside those that work. The main thread stays: run time is
        counted in steps, and it may have run for less than a step.
        """
        main = f"/{os.getpid()}"
        for thread, file in list(self._files.items()):
            if thread.endswith(main):
                continue
            with contextlib.suppress(OSError):
                if os.pread(file, 64, 0) == self._at_first[thread]:
                    os.close(self._files.pop(thread))

    def __call__(self) -> float | None:
        for thread, file in self._files.items():
            with contextlib.suppress(OSError, ValueError, IndexError):  # it has ended
                ran, waited = os.pread(file, 64, 0).split()[:2]
                self._nanoseconds[thread] = (int(ran), int(waited))
        # This thread has run: a kernel without a run time for it does not count these numbers.
        if not self.ran_seconds:
            return None
        return sum(waited for _, waited in self._nanoseconds.values()) / 1e9

    @property
    def ran_seconds(self) -> float:
        """Seconds that the threads had run at the last call, summed."""
        return sum(ran for ran, _ in self._nanoseconds.values()) / 1e9

    @property
    def threads(self) -> int:
        """Number of threads that are read, at least 1."""
        return max(1, len(self._files))

    def close(self) -> None:
        """Close the files."""
        for file in self._files.values():
            os.close(file)
        self._files = {}


@contextmanager
def waiting_meter(folder: str = _THREADS) -> Iterator[WaitingMeter]:
    """Yield a meter, and close it afterwards."""
    meter = WaitingMeter(folder)
    try:
        yield meter
    finally:
        meter.close()


def stolen_seconds(cpus: str = _CPUS) -> float | None:
    """Return the steal time of all CPUs so far, in seconds; None if unknown.

    Systems count it in steps of 10 ms.
    """
    try:
        with open(cpus, "rb") as file:
            words = file.readline().split()
        return int(words[_STEAL]) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return None
