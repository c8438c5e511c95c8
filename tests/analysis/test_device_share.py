from __future__ import annotations

import pytest
from msgspec.structs import replace

from perceptron.analysis.device_share import busy_cell, busy_share, kind_of_hardware
from perceptron.records.conditions import GpuState
from perceptron.rehearsal import VARIABLE
from tests.made import FACTS, GPU_FACTS, GPU_NAME, bench_rows, gpu_rows, measured, on_gpu


@pytest.mark.parametrize(
    ("busy", "is_bound"), [(0.04, True), (0.49, True), (0.51, False), (1, False)]
)
def test_a_device_that_waits_most_of_the_time_is_launch_bound(busy: float, is_bound: bool) -> None:
    share = busy_share([on_gpu(measured(seconds=1e-4), busy)])
    assert share.estimate == pytest.approx(busy)
    assert busy_cell(share).endswith(", launch-bound") == is_bound


def test_the_gpu_that_trained_names_the_run() -> None:
    """As its own state says, else the machine's first; where nobody knows, the kind of device."""
    row = measured(backend="torch-cuda", seconds=1e-3)
    state = GpuState(name="Second", idle=False, slowed_by=[])
    assert kind_of_hardware([replace(row, gpu=state)], GPU_FACTS) == "Second"
    assert kind_of_hardware([row], GPU_FACTS) == GPU_NAME
    assert kind_of_hardware([replace(row, device="mps")], FACTS) == "mps"


def test_a_rehearsal_is_of_no_hardware() -> None:
    """By its environment, and by its rows should that be lost."""
    rehearsed = replace(GPU_FACTS, variables={VARIABLE: "1"})
    assert kind_of_hardware(gpu_rows(), rehearsed) is None
    assert kind_of_hardware(bench_rows(), rehearsed) is None
    stand_ins = [
        replace(row, device="cuda stand-in") if row.device == "cuda" else row for row in gpu_rows()
    ]
    assert kind_of_hardware(stand_ins, FACTS) is None
    assert kind_of_hardware(gpu_rows(), replace(GPU_FACTS, variables={VARIABLE: "0"})) == GPU_NAME
