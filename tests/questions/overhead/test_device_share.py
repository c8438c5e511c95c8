from __future__ import annotations

import pytest
from msgspec.structs import replace

from perceptron.questions.overhead.device_share import busy_cell, busy_share, kind_of_hardware
from perceptron.records.conditions import GpuState
from tests.made import FACTS, GPU_FACTS, GPU_NAME, measured, on_gpu


@pytest.mark.parametrize(
    ("busy", "is_bound"), [(0.04, True), (0.49, True), (0.51, False), (1, False)]
)
def test_device_share_idle_device_is_launch_bound(busy: float, is_bound: bool) -> None:
    share = busy_share([on_gpu(measured(seconds=1e-4), busy)])
    assert share.estimate == pytest.approx(busy)
    assert busy_cell(share).after.endswith("launch-bound") == is_bound


def test_device_share_hardware_is_gpu_that_trained() -> None:
    """As its own state says, else the machine's first; where nobody knows, the kind of device."""
    row = measured(backend="torch-cuda", seconds=1e-3)
    state = GpuState(name="Second", idle=False, slowed_by=[])
    assert kind_of_hardware([replace(row, gpu=state)], GPU_FACTS) == "Second"
    assert kind_of_hardware([row], GPU_FACTS) == GPU_NAME
    assert kind_of_hardware([replace(row, device="mps")], FACTS) == "mps"
