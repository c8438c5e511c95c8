from __future__ import annotations

import pytest
from msgspec.structs import replace

from perceptron.analysis.overhead.device import NO_COUNTER, device_parts, energy
from perceptron.analysis.overhead.families import DEVICE, ENERGY
from perceptron.analysis.select import NOT_REACHED
from tests.made import gpu_ladder_rows, measured


def test_parts_are_averaged_over_processes_and_copies_have_a_rate() -> None:
    context, copy, wait = device_parts(gpu_ladder_rows())
    assert [part.name for part in (context, copy, wait)] == [
        "context",
        "host to device",
        "synchronize",
    ]
    assert context.backend == "torch-cuda"
    assert context.seconds == pytest.approx(0.505, rel=1e-3)
    assert context.low is not None
    assert context.processes == 3
    assert copy.bytes_per_second == pytest.approx(25e6 / 1.01e-3, rel=1e-3)
    assert context.bytes_per_second is None


def test_a_backend_without_parts_says_why() -> None:
    row = measured(
        family=DEVICE, phase="device", backend="cupy", status="skipped", reason="no driver"
    )
    (part,) = device_parts([row])
    assert (part.seconds, part.reason, part.processes) == (None, "no driver", 0)


def test_energy_is_null_with_its_reason() -> None:
    """Of the CPU, of a device without a counter, of one whose turn never came."""
    rows = gpu_ladder_rows()
    assert energy(rows, "torch-cuda", "cuda").joules == pytest.approx(0.0125)
    assert energy(rows, "numpy", "cpu").reason == NO_COUNTER
    assert energy(rows, "jax-cuda", "cuda").reason == NOT_REACHED
    silent = [
        replace(row, energy_joules=None, seconds=None, status="skipped", reason="no counter")
        if row.family == ENERGY
        else row
        for row in rows
    ]
    without = energy(silent, "torch-cuda", "cuda")
    assert (without.joules, without.reason) == (None, "no counter")
