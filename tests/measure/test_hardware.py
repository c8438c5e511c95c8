from __future__ import annotations

import pynvml
import pytest

from perceptron.backends import registry
from perceptron.measure import hardware
from perceptron.measure.hardware import Device, ran_out
from perceptron.measure.nvml import NoDevice, NvmlDevice, gpu_state
from perceptron.records.measurement import Timings
from tests.measure.conftest import Clock, FakeAccelerator, FakeTrainer, MakeNvml


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def accelerator(clock: Clock) -> FakeAccelerator:
    return FakeAccelerator(clock)


def no_driver(uuid: str | None) -> NvmlDevice:
    raise NoDevice("no NVIDIA driver")


def timing(seconds: float, iterations: int) -> Timings:
    return Timings(seconds=seconds, samples=[seconds] * 3, iterations=iterations)


@pytest.mark.parametrize("seconds", [1e-6, 1e-3, 0.2, 5.0])
def test_device_warms_up_for_fixed_time(
    clock: Clock, accelerator: FakeAccelerator, seconds: float
) -> None:
    """For 0.3 s, in calls of some milliseconds or of one iteration; each from the start."""
    trainer = FakeTrainer(clock, seconds)
    Device(accelerator, clock, no_driver).warm_up(trainer)
    assert hardware.WARM_UP_SECONDS <= clock.now < hardware.WARM_UP_SECONDS + max(0.05, seconds)
    assert trainer.log[::2] == ["reset"] * (len(trainer.log) // 2)
    assert len(trainer.log) < 120


def test_device_warms_up_again_after_a_gap(clock: Clock, accelerator: FakeAccelerator) -> None:
    """A row that follows at once costs nothing; one after another backend's turn does."""
    device, trainer = Device(accelerator, clock, no_driver), FakeTrainer(clock, 1e-3)
    device.warm_up(trainer)
    device.note_work()
    trained = trainer.trained
    clock.now += 0.05
    device.warm_up(trainer)
    assert trainer.trained == trained
    clock.now += 0.06
    device.warm_up(trainer)
    assert trainer.trained > trained


@pytest.mark.parametrize(("kind", "place"), [("cuda", "cpu"), ("xpu", "cuda")])
def test_device_nvml_lookup_is_for_cuda_only(
    clock: Clock, accelerator: FakeAccelerator, kind: str, place: str
) -> None:
    """Another GPU of the same machine is not the one that trains, nor is one where the CPU does."""
    accelerator.kind, accelerator.device_type = kind, place
    device = Device(accelerator, clock, lambda uuid: pytest.fail("sought"))
    trainer = FakeTrainer(clock, 1e-3)
    if place == "cpu":
        device.warm_up(trainer)  # it has no clock to raise
    assert device.state_at_work(trainer, timing(1e-3, 10)) is None
    assert trainer.log == []


def test_device_state_is_read_while_training(
    clock: Clock, accelerator: FakeAccelerator, nvml: MakeNvml, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the reading begins, and on until it is over."""
    nvml_device = NvmlDevice(nvml(pynvml.nvmlClocksThrottleReasonSwPowerCap), 0)
    trainer = FakeTrainer(clock, 1e-3)
    seen: list[int] = []

    def at_work(device: NvmlDevice) -> object:
        before = trainer.trained
        while trainer.trained < before + 20:
            pass
        seen.append(before)
        return gpu_state(device)

    monkeypatch.setattr(hardware, "gpu_state", at_work)
    device = Device(accelerator, clock, lambda uuid: nvml_device)
    state = device.state_at_work(trainer, timing(1e-3, 4000))
    assert state is not None
    assert (state.sm_mhz, state.slowed_by) == (1200, ["power cap"])
    assert seen[0] >= 10
    assert trainer.log[-1] == "train 10", "10 ms, not a whole sample"


def test_device_driver_errors_cost_no_row(
    clock: Clock, accelerator: FakeAccelerator, nvml: MakeNvml, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row has its time by then."""

    def fail(device: NvmlDevice) -> object:
        raise AttributeError("no such constant")

    def find(uuid: str | None) -> NvmlDevice:
        raise TypeError("bytes")

    trainer = FakeTrainer(clock, 1e-3)
    assert Device(accelerator, clock, find).state_at_work(trainer, timing(1e-3, 10)) is None
    monkeypatch.setattr(hardware, "gpu_state", fail)
    nvml_device = NvmlDevice(nvml(0), 0)
    device = Device(accelerator, clock, lambda uuid: nvml_device)
    assert device.state_at_work(trainer, timing(1e-3, 10)) is None


@pytest.mark.parametrize(
    ("seconds", "queued"), [(1e-3, "queue 2"), (3e-6, "queue 667"), (1.0, "queue 1")]
)
def test_device_seconds_are_of_few_iterations(
    clock: Clock, accelerator: FakeAccelerator, seconds: float, queued: str
) -> None:
    """Of about 2 ms, from the start: the device is held up until they are queued."""
    trainer = FakeTrainer(clock, seconds)
    device = Device(accelerator, clock, no_driver)
    assert device.own_seconds(trainer, timing(seconds, 1000)) == 0.25
    assert trainer.log == ["reset", queued]


def test_own_seconds_that_cannot_be_had_cost_nothing(
    clock: Clock, accelerator: FakeAccelerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row has its time by then: an error there is no error of the row."""

    def fail(queue: object, iterations: int) -> float:
        raise RuntimeError("events refused")

    monkeypatch.setattr(accelerator, "busy_seconds", fail)
    device = Device(accelerator, clock, no_driver)
    assert device.own_seconds(FakeTrainer(clock, 1e-3), timing(1e-3, 10)) is None
    assert device.own_seconds(object(), timing(1e-3, 10)) is None, "a trainer without queue"


def test_memory_counts_from_where_the_watch_began(
    clock: Clock, accelerator: FakeAccelerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What others hold is not this row's, nor what an earlier one needed for a while."""
    device = Device(accelerator, clock, no_driver)
    accelerator.hold(900)
    accelerator.hold(100)
    device.watch_memory()
    accelerator.hold(350)
    accelerator.hold(200)
    assert device.peak_bytes() == 250
    monkeypatch.setattr(accelerator, "peak_memory", lambda: None)
    assert device.peak_bytes() is None
    device.watch_memory()
    monkeypatch.setattr(accelerator, "peak_memory", lambda: 70)
    assert device.peak_bytes() == 70, "known only since it rose"


class OutOfMemoryError(RuntimeError):
    pass


@pytest.mark.parametrize(
    "error",
    [
        OutOfMemoryError("tried to allocate 5 GiB"),
        RuntimeError("RESOURCE_EXHAUSTED: failed to allocate"),
    ],
)
def test_running_out_of_memory_is_known_in_any_library(error: Exception) -> None:
    """On a device; what a host says so is something else."""
    assert ran_out(registry.load("torch-cuda"), error)
    assert not ran_out(registry.load("torch-cpu"), error)
    assert not ran_out(registry.load("torch-cuda"), RuntimeError("illegal address"))
