from __future__ import annotations

import sys

import pytest

from perceptron import rehearsal
from perceptron.backends.accelerators.cupy_accelerator import CupyAccelerator
from tests.backends.fake_cupy import FakeCupy

ACCELERATOR = CupyAccelerator()


@pytest.fixture
def rehearsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(rehearsal.VARIABLE, "1")
    monkeypatch.setitem(sys.modules, "cupy", None)


def test_the_device_is_waited_for(cupy: FakeCupy) -> None:
    """When it is touched, and at the end of each loop, once."""
    ACCELERATOR.touch()
    assert cupy.calls["synchronize"] == 1
    loops = [ACCELERATOR.product(4, "float32"), ACCELERATOR.copy(64)]
    for loop in [*loops, *ACCELERATOR.transfers(64).values()]:
        cupy.calls.clear()
        loop(3)
        assert cupy.calls["synchronize"] == 1


def test_copies_go_where_they_say(cupy: FakeCupy, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the host's side of them is pinned memory."""
    sizes = []

    def pinned(size: int) -> memoryview:
        sizes.append(size)
        return memoryview(bytearray(size))

    monkeypatch.setattr(cupy.cuda, "alloc_pinned_memory", pinned)
    transfers = ACCELERATOR.transfers(64)
    assert list(transfers) == ["host to device", "device to host"]
    assert sizes == [64]


def test_the_devices_own_seconds_are_without_its_wait_for_the_host(cupy: FakeCupy) -> None:
    """It is held up by a kernel that spins, until everything is queued."""

    def queue(iterations: int) -> None:
        cupy.milliseconds += 0.5 * iterations

    assert ACCELERATOR.busy_seconds(queue, 8) == pytest.approx(0.5e-3)


def test_versions_are_those_of_the_runtime_and_of_cublas(cupy: FakeCupy) -> None:
    assert ACCELERATOR.versions() == {"cuda": "13.2", "cublas": "130107"}


def test_peak_memory_is_unknown(cupy: FakeCupy) -> None:
    ACCELERATOR.reset_peak_memory()
    assert ACCELERATOR.peak_memory() is None


def test_free_memory_counts_what_the_pool_keeps(cupy: FakeCupy) -> None:
    """Until it is released, a training can have that too."""
    assert ACCELERATOR.free_memory() == 1024
    ACCELERATOR.release()
    assert cupy.calls["free_all_blocks"] == 1


@pytest.mark.usefixtures("rehearsed")
def test_numpy_stands_in_in_a_rehearsal() -> None:
    ACCELERATOR.touch()
    for loop in [
        ACCELERATOR.product(4, "float32"),
        ACCELERATOR.copy(64),
        *ACCELERATOR.transfers(64).values(),
    ]:
        loop(2)
    queued: list[int] = []
    seconds = ACCELERATOR.busy_seconds(queued.append, 5)
    assert queued == [5]
    assert seconds is not None
    assert seconds >= 0.0
    assert ACCELERATOR.versions() == {}
    assert ACCELERATOR.free_memory() is None
    ACCELERATOR.release()
