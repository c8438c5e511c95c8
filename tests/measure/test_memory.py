from __future__ import annotations

import psutil

from perceptron.measure import memory


def test_peak_memory_sees_an_allocation() -> None:
    """64 MiB written to and freed again count, where the system reports it at all."""
    peak = memory.PeakMemory()
    block = bytearray(64 * 2**20)
    del block
    seen = peak.bytes()
    assert seen is None or 60 * 2**20 < seen < 80 * 2**20


def test_available_memory_is_some_of_the_machines() -> None:
    assert 0 < memory.available_bytes() <= psutil.virtual_memory().total
