"""What is taken again is chosen by waiting alone: it favours no arm and moves no ratio."""

from __future__ import annotations

import pytest

from perceptron.gate.stages import due
from perceptron.records.block import Block, Reading
from perceptron.waiting import LARGEST_WAITED_SHARE

MUCH = 2 * LARGEST_WAITED_SHARE


def reading(waited: float | None) -> Reading:
    return Reading(status="ok", value=1.0, waited=waited)


def block(base: Reading, head: Reading, number: int = 0, take: int = 0) -> Block:
    return Block(
        stage="screen",
        number=number,
        take=take,
        benchmark="time_it",
        order=["base", "head"],
        sides={},
        base=base,
        head=head,
    )


FAILED = Reading(status="failed")


@pytest.mark.parametrize(
    ("base", "head", "expected"),
    [
        (reading(0.0), reading(0.0), False),
        (reading(MUCH), reading(0.0), True),
        (reading(0.0), reading(MUCH), True),
        (reading(MUCH), reading(9.0), False),
        (reading(0.0), reading(LARGEST_WAITED_SHARE), False),
        (reading(None), reading(MUCH), False),
        (reading(None), reading(None), False),
        (reading(MUCH), FAILED, False),  # a finding, which has retries of its own
    ],
)
def test_only_what_waited_on_one_side_is(base: Reading, head: Reading, expected: bool) -> None:
    assert bool(due([block(base, head)], "screen", 0, 1)) is expected


def test_what_waits_on_one_side_whatever_is_taken_again_is_left_alone() -> None:
    """Three blocks in a row say so; one in between that does not, or on the other side, ends it."""
    head, base = (reading(0.0), reading(MUCH)), (reading(MUCH), reading(0.0))
    calm = (reading(0.0), reading(0.0))

    def after(*sides: tuple[Reading, Reading]) -> set[str]:
        before = [
            block(*side, number, take) for number, side in enumerate(sides) for take in range(2)
        ]
        return due([*before, block(*head, len(sides))], "screen", len(sides), 1)

    assert after(head, head) == after(head, head, base) == after(head, head, calm, head)
    assert after(head, head) == {"time_it"}
    assert after(head, head, head) == after(base, base, base) == set()
    assert after(head, head, head, calm) == set(), "and it stays so"
