"""What the proof's suite measures in C: copied into a repository, and changed there."""

from __future__ import annotations

import mmap

from . import _native  # type: ignore[attr-defined]  # compiled where it is copied to
from .amounts import BYTES, FAR, HELD, NAP, PAGES, UNITS

_table = bytearray(1)


def fill() -> None:
    """Make the table that `stride` reads, once in a process."""
    global _table
    if len(_table) == 1:
        _table = bytearray(2**26)
        _table[:: mmap.PAGESIZE] = bytes(2**26 // mmap.PAGESIZE)  # else reads fault


def work() -> object:
    """Do nothing else."""
    return _native.work(UNITS)


def stride() -> object:
    """Read `FAR` bytes from all over a table, and others one after the other."""
    return _native.stride(UNITS, _table, FAR)


def allocation() -> object:
    """Take new pages from the system, and give them back."""
    return _native.allocation(UNITS, PAGES)


def lock() -> object:
    """Wait for a lock that another thread holds."""
    return _native.lock(UNITS, HELD)


def nap() -> object:
    """Sleep."""
    return _native.nap(UNITS, NAP)


def call() -> object:
    """Have the system compute random bytes."""
    return _native.call(UNITS, BYTES)
