from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptron.measure.budget import GRACE, Budget
from tests.measure.conftest import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_time_that_passes_is_spent(clock: Clock) -> None:
    """Nothing more begins when it is over, and what runs has a little longer."""
    budget = Budget(100.0, clock=clock)
    clock.now += 30
    assert (budget.spent, budget.left, budget.is_over) == (30, 70, False)
    clock.now += 72
    assert (budget.spent, budget.left, budget.is_over) == (102, 0, True)
    assert budget.until_abandoned() == pytest.approx(100 * GRACE - 2)
    clock.now += 10
    assert budget.until_abandoned() < 0


def test_a_resumed_study_continues_inside_the_same_budget(clock: Clock) -> None:
    budget = Budget(100.0, clock=clock)
    clock.now += 5
    budget.resume(60.0)
    assert (budget.spent, budget.left) == (65, 35)
    assert budget.use.spent_seconds == 65


def test_a_wait_that_was_asked_for_is_not_counted(clock: Clock) -> None:
    """Not even one that ctrl-C ends."""
    budget = Budget(100.0, clock=clock)

    def interrupted() -> None:
        clock.now += 50
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), budget.not_counted():
        interrupted()
    clock.now += 1
    assert budget.spent == 1


def test_without_an_end_there_is_always_time(clock: Clock) -> None:
    budget = Budget(inf)
    assert budget.left == budget.part(0.5).left == budget.until_abandoned() == inf


@given(
    needs=st.lists(st.floats(0.0, 50.0), min_size=1, max_size=8),
    seconds=st.floats(1.0, 200.0),
)
def test_parts_never_take_more_than_the_whole_and_leave_what_they_do_not_need(
    needs: list[float], seconds: float
) -> None:
    """Each may have its share of what is left: together all of it, and an early end is a gift."""
    clock = Clock()
    whole = Budget(seconds, clock=clock)
    least = seconds / len(needs)
    for index, need in enumerate(needs):
        part = whole.part(1 / (len(needs) - index))
        assert part.left >= least - 1e-6
        assert part.until_abandoned() <= whole.until_abandoned() + 1e-9
        clock.now += min(need, part.left)
    assert whole.spent <= seconds + 1e-6


def test_a_piece_leaves_time_for_others(clock: Clock) -> None:
    """Of the part that it is done for, whoever is asked how long it may go on."""
    whole = Budget(100.0, clock=clock)
    part = whole.part(0.4)
    with part.piece(part.longest_piece):
        assert part.until_abandoned() == whole.until_abandoned() == 20
        clock.now += 21
        assert whole.until_abandoned() == -1
    assert whole.until_abandoned() == pytest.approx(100 * (1 + GRACE) - 21)
