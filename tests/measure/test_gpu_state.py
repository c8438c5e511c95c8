from __future__ import annotations

from types import SimpleNamespace

import pynvml

from perceptron.measure.gpu_state import gpu_states


def nvml(bits: int | None, driver: bool = True) -> SimpleNamespace:
    """Stands in for pynvml, with its constants and one device."""

    def answer(bits: int | None) -> int:
        if bits is None:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)
        return bits

    return SimpleNamespace(
        **{name: getattr(pynvml, name) for name in dir(pynvml) if "ThrottleReason" in name}
        | {
            "NVMLError": pynvml.NVMLError,
            "NVML_CLOCK_SM": pynvml.NVML_CLOCK_SM,
            "nvmlInit": lambda: answer(0 if driver else None),
            "nvmlDeviceGetCount": lambda: 1,
            "nvmlDeviceGetHandleByIndex": lambda index: index,
            "nvmlDeviceGetName": lambda device: "Slide Rule",
            "nvmlDeviceGetClockInfo": lambda device, clock: 1200,
            "nvmlDeviceGetMaxClockInfo": lambda device, clock: 2000,
            "nvmlDeviceGetCurrentClocksThrottleReasons": lambda device: answer(bits),
        }
    )


def test_gpu_states_come_with_what_lowers_them() -> None:
    """Idling is no slowdown; each other reason is in words."""
    (idle,) = gpu_states(nvml(pynvml.nvmlClocksThrottleReasonGpuIdle))
    assert (idle.name, idle.sm_mhz, idle.max_sm_mhz) == ("Slide Rule", 1200, 2000)
    assert (idle.idle, idle.slowed_by) == (True, [])
    both = (
        pynvml.nvmlClocksThrottleReasonSwPowerCap | pynvml.nvmlClocksThrottleReasonHwThermalSlowdown
    )
    (hot,) = gpu_states(nvml(both))
    assert (hot.idle, hot.slowed_by) == (False, ["heat", "power cap"])


def test_what_a_driver_does_not_report_is_none() -> None:
    """The rest is reported all the same; without a driver there is no GPU."""
    (clock,) = gpu_states(nvml(None))
    assert (clock.sm_mhz, clock.idle, clock.slowed_by) == (1200, None, None)
    assert gpu_states(nvml(0, driver=False)) == []
