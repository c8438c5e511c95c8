"""What is taken again is chosen by waiting alone: it favours no arm and moves no ratio."""

from __future__ import annotations

import pytest

from perceptron.gate.blocks import due
from perceptron.records.block import Block, Reading, Status
from perceptron.waiting import LARGEST_WAITED_SHARE

MUCH = 2 * LARGEST_WAITED_SHARE


def reading(waited: float | None, value: float = 1.0, status: Status = "ok") -> Reading:
    return Reading(status=status, value=value, waited=waited)


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


@pytest.mark.parametrize(
    ("waits", "expected"),
    [
        ((0.0, 0.0), False),
        ((MUCH, 0.0), True),
        ((0.0, MUCH), True),
        ((MUCH, 9.0), False),
        ((0.0, LARGEST_WAITED_SHARE), False),
        ((None, MUCH), False),
        ((None, None), False),
    ],
)
def test_only_what_waited_on_one_side_is(
    waits: tuple[float | None, float | None], expected: bool
) -> None:
    base, head = map(reading, waits)
    assert bool(due([block(base, head)], "screen", 0, 1)) is expected


def test_what_failed_is_not_taken_again() -> None:
    """A failure is a finding, and has retries of its own."""
    failed = reading(None, status="failed")
    assert not due([block(reading(MUCH), failed)], "screen", 0, 1)


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
