from __future__ import annotations

from math import inf

import pytest

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


def test_budget_continues_on_resume(clock: Clock) -> None:
    budget = Budget(100.0, clock=clock)
    clock.now += 5
    budget.resume(60.0)
    assert (budget.spent, budget.left) == (65, 35)


def test_budget_excludes_requested_wait(clock: Clock) -> None:
    """Not even one that ctrl-C ends."""
    budget = Budget(100.0, clock=clock)

    def interrupted() -> None:
        clock.now += 50
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), budget.not_counted():
        interrupted()
    clock.now += 1
    assert budget.spent == 1


def test_budget_without_limit_has_time(clock: Clock) -> None:
    budget = Budget(inf)
    assert budget.left == budget.until_abandoned() == inf


def test_budget_piece_is_limited(clock: Clock) -> None:
    """And never reaches beyond the whole."""
    budget = Budget(100.0, clock=clock)
    with budget.piece(20):
        assert budget.until_abandoned() == 20
        clock.now += 21
        assert budget.until_abandoned() == -1
    most = 100 * (1 + GRACE) - 21
    assert budget.until_abandoned() == pytest.approx(most)
    with budget.piece(100):
        assert budget.until_abandoned() == pytest.approx(most)
