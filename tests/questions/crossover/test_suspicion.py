from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from perceptron.questions.crossover.comparable import SYNCHRONIZE
from perceptron.questions.crossover.judge import Crossover
from perceptron.records.measurement import Measurement
from tests.made import linear, world
from tests.questions.crossover.conftest import only, row


def foreign(rows: list[Measurement], **fields: Any) -> list[Measurement]:
    """Return the rows as if another tool's file held them."""
    return [replace(row, source="csv", file="times.csv", **fields) for row in rows]


def test_suspicion_flat_gpu_of_own_backend_is_launch_bound() -> None:
    """Equal times while the CPU's grow ten thousandfold: all backends of ours are waited for."""
    costs = {"numpy": linear(1e-6, 1), "torch-cuda": lambda size: 40.0}
    crossover = only(world(row, costs, noise=0.005))
    assert crossover.status == "crosses"
    assert crossover.size == pytest.approx(40, rel=0.1)
    assert "takes 16,383 times as long: launch-bound" in str(crossover.reason)
    assert SYNCHRONIZE not in str(crossover.reason)


def test_suspicion_flat_gpu_of_other_tool_is_believed_with_caution() -> None:
    """It wins by a factor of 400 at the end: what a device can hide behind its launches."""
    costs = {"numpy": linear(1e-6, 1), "torch-cuda": lambda size: 4.0**8 / 400}
    crossover = only(foreign(world(row, costs, noise=0.005)))
    assert crossover.status == "crosses"
    assert "torch-cuda takes equally long at all sizes while numpy takes" in str(crossover.reason)
    assert SYNCHRONIZE in str(crossover.reason)


def table(cpu: dict[int, float], gpu: dict[int, float], name: str) -> Crossover:
    """Judge a published table: one value at each size."""
    return only(
        foreign(
            [
                row(family="table", size=size, backend=backend, device=device, seconds=seconds)
                for backend, device, times in (("torch-cpu", "cpu", cpu), (name, "cuda", gpu))
                for size, seconds in times.items()
            ]
        )
    )


def test_additions_in_place_that_were_not_waited_for_are_suspect() -> None:
    """A published trap: 1,000 additions to n × n numbers, and no synchronisation."""
    cpu = {4: 9.27e-3, 40: 14.7e-3, 400: 0.970, 4000: 38.1}
    gpu = {4: 43.1e-3, 40: 44.7e-3, 400: 44.2e-3, 4000: 44.6e-3}
    crossover = table(cpu, gpu, "torch-gpu")
    assert crossover.status == "suspect"
    assert "4.3 TB/s at size 4,000" in str(crossover.reason)


def test_suspicion_clears_launch_bound_rtx_4090() -> None:
    """Published: forward through 128 blocks, 2.1 to 2.5 ms whatever the batch."""
    cpu = {1: 1.97e-3, 8: 2.90e-3, 64: 3.35e-3, 512: 10.7e-3, 2048: 27.7e-3}
    gpu = {1: 2.21e-3, 8: 2.09e-3, 64: 2.47e-3, 512: 2.19e-3, 2048: 2.16e-3}
    crossover = table(cpu, gpu, "torch-cuda")
    assert crossover.status == "crosses"
    assert 1 < crossover.size < 8


def test_suspicion_has_no_bound_from_interpreter() -> None:
    """Pure Python moves a byte in a nanosecond or more: a GPU may well be 10,000 times as fast."""
    costs = {"python": linear(1e-6, 1), "torch-cuda": lambda size: 4.0**8 / 10_000}
    assert only(foreign(world(row, costs, noise=0.005))).status in ("crosses", "always")


SHAPE = {"rows": 2**20, "features": 1024, "hidden": [1024], "outputs": 1}


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        (SHAPE, "suspect"),
        ({**SHAPE, "batch": 64}, "always"),
        ({**SHAPE, "hidden": None}, "always"),
        ({**SHAPE, "features": 1, "hidden": []}, "always"),
    ],
)
def test_products_take_a_time_that_no_device_undercuts(fields: dict[str, Any], status: str) -> None:
    """Two products of 2⁴⁰ multiplications and additions take 1.8 ms at 2.5 PFLOP/s, not 1."""
    times = world(row, {"numpy": linear(1, 0.01), "torch-cuda": linear(1e-3, 1e-9)})
    crossover = only([replace(measurement, **fields) for measurement in foreign(times)])
    assert crossover.status == status
    if status == "suspect":
        assert "4.4 PFLOP/s" in str(crossover.reason)
        assert only([replace(measurement, **fields) for measurement in times]).status == "always"


def test_suspicion_falls_on_gpu_that_stops_winning() -> None:
    """More work never makes a GPU lose for good, but a queue that fills up does."""
    costs = {"numpy": linear(10, 0.01), "torch-cuda": linear(1, 0.1)}
    assert only(world(row, costs)).status == "suspect"


@pytest.mark.parametrize("name", ["torch-cuda", "jax[gpu]", "TORCH_CUDA"])
def test_suspicion_recognises_gpu_by_name_without_device(name: str) -> None:
    """Other people's tables seldom have a device; the CPU is the incumbent all the same."""
    rows = [
        replace(measurement, device=None)
        for measurement in world(row, {name: linear(10, 0.01), "numpy": linear(1, 0.1)})
    ]
    assert only(rows).incumbent == "numpy"
