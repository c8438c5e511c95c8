"""A device of PyTorch, with modules that stand in for `torch.cuda`: no GPU is needed."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from perceptron import rehearsal
from perceptron.backends.accelerators.torch_accelerator import TorchAccelerator, held_up

CYCLE = 1e-9


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


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> QueueingCuda:
    fake = QueueingCuda()
    monkeypatch.setattr("time.perf_counter", lambda: fake.now)
    return fake


@pytest.mark.parametrize("launching", [1e-6, 50e-6, 500e-6])
def test_a_held_up_device_tells_its_own_seconds(cuda: QueueingCuda, launching: float) -> None:
    """However long the host takes to launch: what it cannot queue in time is not timed."""

    def queue(iterations: int) -> None:
        for _ in range(iterations):
            cuda.now += launching
            cuda.work(5e-6)

    assert held_up(cuda, queue, 20) == pytest.approx(5e-6)


def test_loading_the_kernel_that_waits_holds_nothing_up(cuda: QueueingCuda) -> None:
    """The device idles meanwhile: what the host needs after it would be timed with its pauses."""
    cuda.loading = 0.05

    def queue(iterations: int) -> None:
        for _ in range(iterations):
            cuda.now += 500e-6
            cuda.work(5e-6)

    assert held_up(cuda, queue, 20) == pytest.approx(5e-6)


def test_a_host_that_never_gets_ahead_tells_nothing(cuda: QueueingCuda) -> None:
    """As where each iteration waits for the device."""

    def queue(iterations: int) -> None:
        for _ in range(iterations):
            cuda.now += 1.0
            cuda.work(5e-6)

    assert held_up(cuda, queue, 20) is None


def on_fake(monkeypatch: pytest.MonkeyPatch, **module: object) -> TorchAccelerator:
    accelerator = TorchAccelerator("cuda")
    monkeypatch.setattr(accelerator, "_module", lambda: SimpleNamespace(**module))
    return accelerator


def test_free_memory_has_what_the_allocator_keeps(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes that first; None where a kind of device does not tell."""
    known = on_fake(
        monkeypatch,
        mem_get_info=lambda: (100, 1000),
        memory_reserved=lambda: 70,
        memory_allocated=lambda: 20,
    )
    assert known.free_memory() == 150
    assert on_fake(monkeypatch).free_memory() is None


def test_memory_is_given_back_where_the_library_can(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    on_fake(monkeypatch, empty_cache=lambda: asked.append("empty")).release()
    on_fake(monkeypatch).release()
    assert asked == ["empty"]


def test_a_device_has_the_name_that_its_driver_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    """In versions that tell; in a rehearsal there is no such device."""
    tells = on_fake(monkeypatch, get_device_properties=lambda _: SimpleNamespace(uuid="1a7e"))
    assert tells.uuid() == "1a7e"
    silent = on_fake(monkeypatch, get_device_properties=lambda _: SimpleNamespace())
    assert silent.uuid() is None
    monkeypatch.setenv(rehearsal.VARIABLE, "1")
    assert tells.uuid() is None


def test_a_rehearsal_does_all_of_it_on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that what a GPU will be asked has been asked before."""
    monkeypatch.setenv(rehearsal.VARIABLE, "1")
    accelerator = TorchAccelerator("cuda")
    accelerator.touch()
    accelerator.reset_peak_memory()
    accelerator.release()
    assert accelerator.peak_memory() is None
    assert accelerator.free_memory() is None
    asked: list[int] = []
    seconds = accelerator.busy_seconds(asked.append, 7)
    assert seconds is not None
    assert asked == [7]
    loops = [accelerator.product(8, "float32"), accelerator.copy(4096)]
    for loop in (*loops, *accelerator.transfers(4096).values()):
        loop(2)
    assert set(accelerator.transfers(4096)) == {"host to device", "device to host"}
    assert "cudnn" not in accelerator.versions()
