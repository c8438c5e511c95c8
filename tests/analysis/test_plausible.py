from __future__ import annotations

from math import inf, nan
from typing import Any

import pytest

from perceptron.analysis.select import plausible
from perceptron.records.conditions import GpuState
from tests.made import measured


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"seconds": 1e-9, "samples": [1e-9, 1.0], "prepare_seconds": 0.0, "peak_bytes": 0},
        {"seconds": 1e9, "size": 2**60, "stdev": 0.0, "iterations": 10**12},
        {"seconds": None, "status": "skipped", "reason": "no GPU"},
        {"energy_joules": 0.0, "gpu": GpuState(name="x", temperature_celsius=-5, sm_mhz=1980)},
        {"size": 0.5, "seconds": 1.0, "threads": 1024, "repeat": 10**6},
    ],
)
def test_what_somebody_may_have_measured_is_kept(fields: dict[str, Any]) -> None:
    assert plausible(measured(**fields))


@pytest.mark.parametrize("value", [-1.0, 1e-300, 1.1e9, 1e308, inf, nan])
@pytest.mark.parametrize(
    "field", ["seconds", "device_seconds", "prepare_seconds", "stdev", "samples", "dropped"]
)
def test_times_that_no_clock_has_seen_are_not(field: str, value: float) -> None:
    several = field in ("samples", "dropped")
    assert not plausible(measured(**{field: [1.0, value] if several else value}))


@pytest.mark.parametrize(
    "fields",
    [
        {"energy_joules": -1.0},
        {"energy_joules": nan},
        {"gpu": GpuState(name="x", power_limit_watts=inf)},
        {"gpu": GpuState(name="x", sm_mhz=2**70)},
        {"size": 0},
        {"size": -4},
        {"size": nan},
        {"size": inf},
        {"size": 2.0**61},
        {"size": 1e-300},
        {"peak_bytes": -1},
        {"contended": -1},
        {"contended": 10**400},
        {"waited": -0.1},
        {"waited": nan},
        {"peak_bytes": 2**61},
        {"threads": 0},
        {"threads": 2**61},
        {"iterations": 0},
        {"iterations": 10**400},
        {"repeat": -1},
        {"repeat": 10**400},
    ],
)
def test_counts_that_nobody_can_have_are_not(fields: dict[str, Any]) -> None:
    assert not plausible(measured(**fields))
