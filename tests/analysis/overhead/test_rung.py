from __future__ import annotations

import pytest
from msgspec.structs import replace

from perceptron.analysis.overhead.families import CEILING
from perceptron.analysis.overhead.rung import Rung, rungs
from perceptron.records.measurement import Measurement
from tests.made import GPU_LADDER, gpu_ladder_rows

WORK = (74, 212)


def ladder(rows: list[Measurement], work: tuple[int, int] = WORK) -> dict[str, Rung]:
    return {rung.backend: rung for rung in rungs(rows, GPU_LADDER["removes"], {}, work)}


def test_a_rung_on_a_device_has_what_the_device_says() -> None:
    rung = ladder(gpu_ladder_rows())["torch-cuda"]
    assert rung.device == "cuda"
    assert rung.device_seconds == pytest.approx(4e-6, rel=0.02)
    assert rung.busy_share == pytest.approx(0.04)
    assert rung.busy_low is not None
    assert rung.peak_bytes == 2**21 + 2
    assert rung.energy_joules_per_iteration == pytest.approx(0.0125)
    assert rung.energy_reason is None


def test_each_rung_is_held_against_its_own_device() -> None:
    """The best product and the best copy that were measured there, never another device's."""
    rows = gpu_ladder_rows()
    judged = ladder(rows)
    assert judged["torch-cuda"].ceiling == "torch-cuda and jax-cuda (cuda)"
    assert judged["torch-cpu"].ceiling == "numpy (cpu)"
    cpu_only = [row for row in rows if (row.family, row.device) != (CEILING, "cuda")]
    judged = ladder(cpu_only)
    assert judged["torch-cuda"].ceiling is None
    assert judged["torch-cpu"].ceiling == "numpy (cpu)"


def test_one_that_leaves_its_device_waiting_is_bound_by_launches() -> None:
    """With or without ceilings: not by calls, and not by the memory of another device."""
    rows = gpu_ladder_rows()
    assert ladder(rows)["torch-cuda"].bound == "launches"
    assert ladder(rows)["torch-cpu"].bound == "calls"
    bare = [row for row in rows if row.family != CEILING]
    assert ladder(bare)["torch-cuda"].bound == "launches"
    assert ladder(bare)["torch-cpu"].bound is None


@pytest.mark.parametrize(
    ("busy", "work", "bound"),
    [
        (0.9, WORK, "latency"),
        (None, WORK, None),
        (0.9, (4_000_000_000, 1_000), "arithmetic"),
        (0.9, (1_000, 200_000_000), "memory"),
        (0.9, (1_000, 900_000_000), "latency"),
        (0.9, (4_000_000_000, 900_000_000), "arithmetic"),
    ],
)
def test_what_keeps_a_busy_device(
    busy: float | None, work: tuple[int, int], bound: str | None
) -> None:
    """In 100 µs: 40 of 50 TFLOP/s, 2 of 3 TB/s, or 9 TB/s, which no memory gives.

    Nothing is said of a slow rung whose device does not tell whether it waits.
    """
    rows = [
        replace(row, device_seconds=None if busy is None else busy * (row.seconds or 0))
        if row.device_seconds
        else row
        for row in gpu_ladder_rows()
    ]
    assert ladder(rows, work)["torch-cuda"].bound == bound


@pytest.mark.parametrize("family", ["or-gate", CEILING])
def test_a_contended_rung_or_ceiling_says_of_none_what_bounds_it(family: str) -> None:
    """Its rate is that of waiting: an idle machine may have another limit."""
    rows = [
        replace(row, waited=0.9) if (row.backend, row.family) == ("numpy", family) else row
        for row in gpu_ladder_rows()
    ]
    judged = ladder(rows)
    assert ladder(gpu_ladder_rows())["numpy"].bound == "calls"
    assert judged["numpy"].bound is None
    assert judged["torch-cuda"].bound == "launches"


def test_a_rung_over_several_devices_is_held_against_none() -> None:
    """The ceilings are those of one; over several processes of the CPU they are the same cores'."""
    rows = [
        replace(row, processes=2) if row.backend in ("torch-cuda", "torch-cpu") else row
        for row in gpu_ladder_rows()
    ]
    by_name = {
        rung.backend: rung
        for rung in rungs(rows, GPU_LADDER["removes"], {}, (GPU_LADDER["operations"], 212))
    }
    over = by_name["torch-cuda"]
    assert over.seconds_per_iteration is not None
    assert (over.gflops, over.gbytes, over.bound, over.ceiling) == (None,) * 4
    assert by_name["torch-cpu"].gflops is not None
