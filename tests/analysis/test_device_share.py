from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from perceptron.analysis.device_share import busy_cell, device_share
from tests.made import measured, on_gpu


@pytest.mark.parametrize(
    ("busy", "is_bound"), [(0.04, True), (0.49, True), (0.51, False), (1, False)]
)
def test_a_device_that_waits_most_of_the_time_is_launch_bound(busy: float, is_bound: bool) -> None:
    share = device_share([on_gpu(measured(seconds=1e-4), busy)])
    assert share.busy.estimate == pytest.approx(busy)
    assert busy_cell(share).endswith(", launch-bound") == is_bound


@pytest.mark.parametrize(
    "fields",
    [{"device_seconds": None}, {"seconds": None}, {"phase": "forward"}, {"status": "failed"}],
)
def test_what_does_not_tell_is_neither(fields: dict[str, Any]) -> None:
    assert device_share([replace(on_gpu(measured(seconds=1e-4), 0.5), **fields)]) is None
