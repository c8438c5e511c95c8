"""A driver of GPUs that are not here, and a device that only counts what it is asked."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pynvml
import pytest

from perceptron.backends.accelerators.protocol import Accelerator
from perceptron.measure.nvml import driver, unshareable


@pytest.fixture(autouse=True, scope="module")
def _little_to_collect() -> Iterator[None]:
    """Each timing collects garbage first: among all that other tests have loaded, for a second."""
    gc.freeze()
    yield
    gc.unfreeze()


MakeNvml = Callable[..., SimpleNamespace]


def make_nvml(
    bits: int | None = 0,
    *,
    driver: bool = True,
    names: tuple[str, ...] = ("Slide Rule",),
    application_clocks: tuple[int, int] | None = None,
    energy: Callable[[], int] | None = None,
    mode: int | None = None,
) -> SimpleNamespace:
    """Stands in for pynvml, with its constants, and devices of these names."""

    def refuse(*_: object) -> int:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)

    def answer(value: int | None) -> Callable[..., int]:
        return refuse if value is None else lambda *_: value

    now, default = application_clocks or (None, None)
    return SimpleNamespace(
        **{name: getattr(pynvml, name) for name in dir(pynvml) if "ThrottleReason" in name}
        | {
            "NVMLError": pynvml.NVMLError,
            "NVML_CLOCK_SM": pynvml.NVML_CLOCK_SM,
            "NVML_TEMPERATURE_GPU": pynvml.NVML_TEMPERATURE_GPU,
            "NVML_COMPUTEMODE_DEFAULT": pynvml.NVML_COMPUTEMODE_DEFAULT,
            "nvmlDeviceGetComputeMode": answer(mode),
            "nvmlInit": answer(0 if driver else None),
            "nvmlSystemGetDriverVersion": lambda: "580.1",
            "nvmlSystemGetCudaDriverVersion": lambda: 13_000,
            "nvmlDeviceGetCount": lambda: len(names),
            "nvmlDeviceGetHandleByIndex": lambda index: index,
            "nvmlDeviceGetName": lambda device: names[device],
            "nvmlDeviceGetUUID": lambda device: f"GPU-{device}a7e",
            "nvmlDeviceGetMemoryInfo": lambda device: SimpleNamespace(total=2**34, free=2**33),
            "nvmlDeviceGetClockInfo": answer(1200),
            "nvmlDeviceGetMaxClockInfo": answer(2000),
            "nvmlDeviceGetCurrentClocksThrottleReasons": answer(bits),
            "nvmlDeviceGetApplicationsClock": answer(now),
            "nvmlDeviceGetDefaultApplicationsClock": answer(default),
            "nvmlDeviceGetEnforcedPowerLimit": answer(250_500),
            "nvmlDeviceGetTemperature": answer(61),
            "nvmlDeviceGetTotalEnergyConsumption": refuse
            if energy is None
            else lambda device: energy(),
        }
    )


@pytest.fixture
def nvml(monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeNvml]:
    """Return a function that makes a driver and installs it as this machine's."""

    def installed(*given: Any, **options: Any) -> SimpleNamespace:
        made = make_nvml(*given, **options)
        driver.cache_clear()
        unshareable.cache_clear()
        monkeypatch.setitem(sys.modules, "pynvml", made)
        return made

    yield installed
    driver.cache_clear()
    unshareable.cache_clear()


class Clock:
    """A clock that goes only where it is told to, or by ``tick`` at each reading."""

    def __init__(self, tick: float = 0.0) -> None:
        self.now = 0.0
        self._tick = tick

    def __call__(self) -> float:
        self.now += self._tick
        return self.now


class FakeTrainer:
    """Trains by moving the clock; ``log`` has what it was asked for."""

    def __init__(self, clock: Clock, seconds: float, log: list[str] | None = None) -> None:
        self._clock = clock
        self._seconds = seconds
        self.log = [] if log is None else log
        self.trained = 0

    def reset(self) -> None:
        self.log.append("reset")

    def train(self, iterations: int) -> None:
        self.log.append(f"train {iterations}")
        self.trained += iterations
        self._clock.now += iterations * self._seconds

    def queue(self, iterations: int) -> None:
        self.log.append(f"queue {iterations}")


class FakeAccelerator(Accelerator):
    """A device of some memory, whose work moves the clock."""

    device_type = "cuda"

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.free: int | None = None
        self.log: list[str] = []
        self.held = self.peak = 0

    def reset_peak_memory(self) -> None:
        self.log.append("reset peak")
        self.peak = self.held

    def peak_memory(self) -> int | None:
        return self.peak

    def hold(self, size: int) -> None:
        """Hold so much memory from now on."""
        self.held = size
        self.peak = max(self.peak, size)

    def free_memory(self) -> int | None:
        return self.free

    def release(self) -> None:
        self.log.append("release")

    def busy_seconds(self, queue: Callable[[int], None], iterations: int) -> float | None:
        queue(iterations)
        return 0.25

    def product(self, width: int, dtype: str) -> Callable[[int], None]:
        self.log.append(f"product {width}")
        return self._loop(5e-3)

    def copy(self, size: int) -> Callable[[int], None]:
        self.log.append(f"copy {size >> 20} MiB")
        return self._loop(1e-3)

    def _loop(self, seconds: float) -> Callable[[int], None]:
        def loop(iterations: int) -> None:
            self.clock.now += iterations * seconds

        return loop
