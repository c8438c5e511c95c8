"""What is taken again is chosen by waiting alone: it favours no side and moves no ratio."""

from __future__ import annotations

import pytest

from perceptron.gate.stages import due
from perceptron.records.block import Block, SideMeasurement
from perceptron.waiting import LARGEST_WAITED_SHARE

MUCH = 2 * LARGEST_WAITED_SHARE


def measurement(waited: float | None) -> SideMeasurement:
    return SideMeasurement(status="ok", value=1.0, waited=waited)


def block(base: SideMeasurement, head: SideMeasurement, number: int = 0, take: int = 0) -> Block:
    return Block(
        stage="screen",
        number=number,
        take=take,
        benchmark="time_it",
        order=["base", "head"],
        folders={},
        base=base,
        head=head,
    )


FAILED = SideMeasurement(status="failed")


@pytest.mark.parametrize(
    ("base", "head", "expected"),
    [
        (measurement(0.0), measurement(0.0), False),
        (measurement(MUCH), measurement(0.0), True),
        (measurement(0.0), measurement(MUCH), True),
        (measurement(MUCH), measurement(9.0), False),
        (measurement(0.0), measurement(LARGEST_WAITED_SHARE), False),
        (measurement(None), measurement(MUCH), False),
        (measurement(None), measurement(None), False),
        (measurement(MUCH), FAILED, False),  # a finding, which has retries of its own
    ],
)
def test_only_what_waited_on_one_side_is(
    base: SideMeasurement, head: SideMeasurement, expected: bool
) -> None:
    assert bool(due([block(base, head)], "screen", 0, 1)) is expected
