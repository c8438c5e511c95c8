"""What the proof's suite measures in pure Python: copied into a repository, and changed there.

Each body does `UNITS` equal units of work and, but for the first, something that no count of
instructions sees, of an amount that `amounts` says. `native` does the same in C.
"""

from __future__ import annotations

import mmap
import os
import threading
import time

from .amounts import BYTES, FAR, HELD, NAP, PAGES, UNITS

_READS, _STEP = 8192, 16_411 * 64


def spin(units: int) -> int:
    """Add squares."""
    total = 0
    for _ in range(units):
        for number in range(200):
            total += number * number
    return total


def read(table: bytearray, at: int, count: int, step: int) -> int:
    """Read ``count`` bytes of a table of zeros, ``step`` apart; return the next index."""
    last = len(table) - 1
    for _ in range(count):
        at = (at + step + table[at]) & last
    return at


class Place:
    """The table that `stride` reads, made by its setup, and where it reads next."""

    table = bytearray(1)
    at = 1000

    @classmethod
    def fill(cls) -> None:
        """Make the table, once in a process."""
        if len(cls.table) == 1:
            cls.table = bytearray(2**26)
            cls.table[:: mmap.PAGESIZE] = bytes(2**26 // mmap.PAGESIZE)  # else reads fault


class Holder:
    """A thread that takes a lock whenever it is asked to."""

    lock = threading.Lock()
    asked = threading.Semaphore(0)
    taken = threading.Semaphore(0)
    thread: threading.Thread | None = None

    @classmethod
    def start(cls) -> None:
        """Start the thread, once in a process."""
        if cls.thread is None:
            cls.thread = threading.Thread(target=cls._hold, daemon=True)
            cls.thread.start()

    @classmethod
    def _hold(cls) -> None:
        while True:
            cls.asked.acquire()
            with cls.lock:
                cls.taken.release()
                time.sleep(HELD)


class Noise:
    """A file whose bytes the kernel computes, and room for them."""

    file = -1
    room = memoryview(bytearray(2**22))


def work() -> int:
    """Do nothing else."""
    return spin(UNITS)


def stride() -> int:
    """Read `FAR` bytes from all over a table, and others one after the other."""
    at = read(Place.table, Place.at, FAR, _STEP)
    Place.at = read(Place.table, at, _READS - FAR, 1)
    return spin(UNITS)


def allocation() -> int:
    """Take new pages from the system, and give them back."""
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE
    mmap.mmap(-1, PAGES * mmap.PAGESIZE, flags=flags).close()
    return spin(UNITS)


def lock() -> int:
    """Wait for a lock that another thread holds."""
    Holder.asked.release()
    Holder.taken.acquire()
    with Holder.lock:
        return spin(UNITS)


def nap() -> int:
    """Sleep."""
    time.sleep(NAP)
    return spin(UNITS)


def call() -> int:
    """Have the system compute random bytes."""
    if Noise.file < 0:
        Noise.file = os.open("/dev/urandom", os.O_RDONLY)
    os.readv(Noise.file, [Noise.room[:BYTES]])
    return spin(UNITS)
