from __future__ import annotations

import pytest
from msgspec.structs import replace

from perceptron.analysis.gpu_use import Span, gpu_use
from tests.made import GPU, measured


def test_states_of_a_gpu_are_one_span_each() -> None:
    hot = replace(GPU, sm_mhz=1755, temperature_celsius=81, slowed_by=["heat"])
    (use,) = gpu_use([measured(gpu=GPU), measured(gpu=hot), measured()])
    assert (use.name, use.rows) == ("Slide Rule", 2)
    assert use.sm_mhz == Span(1755, 1980)
    assert use.temperature_celsius == Span(54, 81)
    assert use.power_limit_watts == Span(700, 700)
    assert (use.slowed_rows, use.slowed_by) == (1, ["heat"])


@pytest.mark.parametrize(
    ("states", "locked"),
    [
        ((False, False), False),
        ((False, True), True),
        ((False, None), None),
        ((None, True), True),
    ],
)
def test_free_are_only_clocks_known_to_be(
    states: tuple[bool | None, ...], locked: bool | None
) -> None:
    (use,) = gpu_use([measured(gpu=replace(GPU, locked=state)) for state in states])
    assert use.locked is locked


def test_a_lock_is_not_said_twice() -> None:
    lock = replace(GPU, locked=True, slowed_by=["application clocks", "heat"])
    (use,) = gpu_use([measured(gpu=lock)])
    assert (use.locked, use.slowed_by) == (True, ["heat"])


def test_what_a_driver_does_not_tell_is_not_known() -> None:
    (use,) = gpu_use([measured(gpu=replace(GPU, sm_mhz=None, max_sm_mhz=None))])
    assert (use.sm_mhz, use.max_sm_mhz) == (None, None)
    assert gpu_use([measured()]) == []
