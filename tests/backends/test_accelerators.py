"""What is asked of a device beside the host, with the CPU in its place."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from perceptron.backends import registry
from perceptron.backends.accelerators.protocol import accelerator_of
from perceptron.backends.accelerators.torch_accelerator import held_up
from tests.backends.conftest import needs
from tests.stand_in import use_stand_ins

CYCLE = 1e-9


@pytest.mark.parametrize("name", ["torch-cuda", "jax-cuda", "cupy"])
def test_accelerator_stand_in_has_protocol_of_gpu(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that what a GPU will be asked has been asked before; CuPy is not even imported."""
    use_stand_ins(monkeypatch)
    monkeypatch.setitem(sys.modules, "cupy", None)
    needs(name)
    accelerator = accelerator_of(registry.load(name))
    assert accelerator is not None
    assert (accelerator.kind, accelerator.device_type) == ("cuda", "cpu")
    assert accelerator.unavailable() is None
    accelerator.touch()
    accelerator.synchronize()
    accelerator.reset_peak_memory()
    assert accelerator.peak_memory() is None
    transfers = accelerator.transfers(4096)
    assert set(transfers) == {"host to device", "device to host"}
    loops = [accelerator.product(8, dtype) for dtype in ("float32", "float64")]
    for loop in (*loops, accelerator.copy(4096), *transfers.values()):
        loop(2)
    counts: list[int] = []
    if accelerator.busy_seconds(counts.append, 7) is not None:  # JAX has no clock to read
        assert counts == [7]
    assert "cudnn" not in accelerator.versions()


class QueueingCuda:
    """A device that works off a queue while the host's clock runs, as `torch.cuda` drives it."""

    def __init__(self) -> None:
        self.now = 0.0  # the host's
        self.free_at = 0.0  # when the device has done what it was given
        self.loading = 0.0  # seconds of the host until it can launch its first kernel

    def work(self, seconds: float) -> None:
        self.free_at = max(self.free_at, self.now) + seconds

    def synchronize(self) -> None:
        self.now = max(self.now, self.free_at)

    def _sleep(self, cycles: int) -> None:
        self.now += self.loading
        self.loading = 0.0
        self.work(cycles * CYCLE)

    def Event(self, *, enable_timing: bool) -> SimpleNamespace:  # noqa: N802 as torch calls it
        assert enable_timing
        event = SimpleNamespace(at=0.0, synchronize=self.synchronize)

        def record() -> None:
            event.at = max(self.free_at, self.now)

        event.record = record
        event.elapsed_time = lambda other: 1e3 * (other.at - event.at)
        return event


@pytest.mark.parametrize(
    ("launching", "loading", "seconds"),
    [
        (1e-6, 0.0, 5e-6),
        (500e-6, 0.0, 5e-6),  # what the host cannot queue in time is not timed
        (500e-6, 0.05, 5e-6),  # a device that idles while a kernel is loaded is not held up
        (1.0, 0.0, None),  # the host never gets ahead, as where each iteration waits
    ],
)
def test_accelerator_held_device_measures_its_seconds(
    launching: float, loading: float, seconds: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    cuda = QueueingCuda()
    cuda.loading = loading
    monkeypatch.setattr("time.perf_counter", lambda: cuda.now)

    def queue(iterations: int) -> None:
        for _ in range(iterations):
            cuda.now += launching
            cuda.work(5e-6)

    measured = held_up(cuda, queue, 20)
    assert measured == (None if seconds is None else pytest.approx(seconds))
