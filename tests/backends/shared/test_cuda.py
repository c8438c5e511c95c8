from __future__ import annotations

import pytest

from perceptron.backends.shared import cuda


def test_the_driver_is_asked_for_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver without a device, as CUDA_VISIBLE_DEVICES can make it, is no device."""

    class Driver:
        def __init__(self, status: int, devices: int) -> None:
            self.status, self.devices = status, devices

        def cuInit(self, flags: int) -> int:  # noqa: N802 the driver's own name
            return self.status

        def cuDeviceGetCount(self, count: object) -> int:  # noqa: N802
            count._obj.value = self.devices  # type: ignore[attr-defined]
            return 0

    for driver, reason in [
        (Driver(0, 1), None),
        (Driver(0, 0), cuda.NO_DEVICE),
        (Driver(100, 0), cuda.NO_DEVICE),
    ]:
        monkeypatch.setattr("ctypes.CDLL", lambda name, driver=driver: driver)
        assert cuda.driver_unavailable() == reason
