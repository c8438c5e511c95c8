from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from perceptron.analysis.device_share import busy_share, device_share
from perceptron.records.measurement import Measurement
from tests.made import measured, on_gpu


def training(busy: float) -> Measurement:
    return on_gpu(measured(seconds=1e-4), busy)


@pytest.mark.parametrize(
    ("busy", "is_bound"), [(0.04, True), (0.49, True), (0.51, False), (1, False)]
)
def test_a_device_that_waits_most_of_the_time_is_launch_bound(busy: float, is_bound: bool) -> None:
    row = training(busy)
    assert busy_share(row) == pytest.approx(busy)
    share = device_share([row])
    assert share.launch_bound is is_bound


@pytest.mark.parametrize(
    "fields",
    [{"device_seconds": None}, {"seconds": None}, {"phase": "forward"}, {"status": "failed"}],
)
def test_what_does_not_tell_is_neither(fields: dict[str, Any]) -> None:
    row = replace(training(0.5), **fields)
    assert busy_share(row) is None
    assert device_share([row]) is None
