"""Rows that nobody can have measured are known, whatever tool they come from."""

from __future__ import annotations

from math import inf, nan
from typing import Any

import pytest
from msgspec.structs import replace

from perceptron.records.conditions import GpuState
from perceptron.records.measurement import CEILING, KERNELS
from perceptron.records.race import Check, Training
from perceptron.records.validity import impossible
from tests.made import measured, race_rows


@pytest.mark.parametrize(
    "fields",
    [
        {"seconds": 1e-9, "samples": [1e-9, 1.0], "prepare_seconds": 0.0, "peak_bytes": 0},
        {"seconds": 1e9, "size": 2**60, "stdev": 0.0, "iterations": 10**12},
        {"seconds": None, "status": "skipped", "reason": "no GPU"},
        {"gpu": GpuState(name="x", temperature_celsius=-5, sm_mhz=1980)},
        {"seconds": 2e-10, "samples": [2e-10], "source": "google-benchmark"},
        {"seconds": None, "family": KERNELS, "phase": KERNELS},
        {"seconds": 2e-10, "family": CEILING, "phase": "copy"},
    ],
)
def test_validity_accepts_possible_measurements(fields: dict[str, Any]) -> None:
    assert impossible(measured(**{"seconds": 1.0} | fields)) is None


@pytest.mark.parametrize("source", ["perceptron", "asv"])
@pytest.mark.parametrize("value", [-1.0, 1e-300, 1e-15, 1.1e9, inf, nan])
@pytest.mark.parametrize(
    "field",
    [
        *("seconds", "unpacked_seconds", "device_seconds", "prepare_seconds", "stdev", "low"),
        *("samples", "dropped"),
    ],
)
def test_times_that_no_clock_has_seen_are_not(field: str, value: float, source: str) -> None:
    times = {"seconds": 1.0, field: [1.0, value] if field in ("samples", "dropped") else value}
    assert field in str(impossible(measured(source=source, **times)))


@pytest.mark.parametrize("seconds", [None, 0.0, 9e-10])
def test_validity_rejects_steps_below_a_nanosecond(seconds: float | None) -> None:
    """And one that went well has a time."""
    assert impossible(measured(seconds=seconds)) is not None


def test_nor_is_one_of_a_race() -> None:
    checks = [Check(1000, 1e-15, 0.5, 1.0)]
    assert "fresh" in str(impossible(replace(race_rows()[0], fresh=Training(checks=checks))))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("size", value) for value in (0, nan, inf, 2.0**61)),
        *((name, -1) for name in ("energy_joules", "peak_bytes", "contended", "waited", "repeat")),
        *((name, 0) for name in ("threads", "iterations", "models")),
        ("repeat", 10**400),
        ("hidden", [8, -1]),
        ("gpu", GpuState(name="x", power_limit_watts=inf)),
    ],
)
def test_counts_that_nobody_can_have_are_not(field: str, value: Any) -> None:
    assert impossible(measured(**{"seconds": 1.0, field: value})) is not None
