from __future__ import annotations

import pytest

from perceptron.backends import registry
from perceptron.backends.protocol import Unsupported
from perceptron.measure import extras as tested
from perceptron.measure import hardware
from perceptron.measure.extras import counter, energy, train_by_counter
from perceptron.measure.nvml import NoDevice, NvmlDevice
from perceptron.problems import catalogue
from tests.measure.conftest import Clock, FakeTrainer, MakeNvml
from tests.stand_in import use_stand_ins

WATTS = 300.0


@pytest.mark.parametrize("seconds", [2e-6, 1e-3, 0.3])
def test_energy_is_counted_for_two_seconds(seconds: float) -> None:
    """Whatever an iteration takes; a step of the counter is 5% of it at most."""
    clock = Clock()
    trainer = FakeTrainer(clock, seconds)
    part = train_by_counter(trainer, lambda: WATTS * 0.1 * (clock.now // 0.1), clock)
    assert part.seconds * part.iterations >= 2.0
    assert part.energy_joules == pytest.approx(WATTS * seconds, rel=0.06)
    assert part.seconds == pytest.approx(seconds, rel=1e-6)


def test_energy_stopped_counter_is_unsupported() -> None:
    """No energy is not zero energy."""
    clock = Clock()
    with pytest.raises(Unsupported, match="energy counter does not advance"):
        train_by_counter(FakeTrainer(clock, 1e-3), lambda: 5.0, clock)


def test_joules_come_from_millijoules(nvml: MakeNvml) -> None:
    """A GPU without a counter says so in one line."""
    assert counter(NvmlDevice(nvml(energy=lambda: 12_500), 0))() == 12.5
    with pytest.raises(NoDevice, match="this GPU has no energy counter"):
        counter(NvmlDevice(nvml(), 0))


def test_energy_without_gpu_counter_gives_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a host, of a machine without a driver, and of a stand-in."""
    problem = catalogue.find("or-gate")

    def reason(name: str) -> str:
        with pytest.raises(Unsupported) as raised:
            list(energy(registry.load(name), problem, "float32"))
        return str(raised.value)

    def no_driver(self: object) -> NvmlDevice:
        raise NoDevice("no NVIDIA driver")

    assert "on the host" in reason("numpy")
    with monkeypatch.context() as patched:
        patched.setattr(hardware.Device, "nvml_device", no_driver)
        assert reason("torch-cuda") == "no NVIDIA driver"
    use_stand_ins(monkeypatch)
    assert "stands in" in reason("torch-cuda")


def test_energy_is_joules_and_seconds_per_iteration(
    monkeypatch: pytest.MonkeyPatch, nvml: MakeNvml
) -> None:
    """The real loop, on the CPU that stands in, with a counter that counts readings."""
    use_stand_ins(monkeypatch)
    monkeypatch.setattr(tested, "_WINDOW_SECONDS", 0.02)
    readings = iter(range(0, 10**9, 500))
    device = NvmlDevice(nvml(energy=lambda: next(readings)), 0)
    monkeypatch.setattr(hardware.Device, "nvml_device", lambda self: device)
    (part,) = energy(registry.load("torch-cuda"), catalogue.find("or-gate"), "float32")
    assert part.name == "energy"
    assert part.energy_joules is not None
    assert part.energy_joules > 0
    assert part.seconds * part.iterations >= 0.02
