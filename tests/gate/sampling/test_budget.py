"""A budget that is too small says how many minutes would do."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perceptron.errors import UserError
from perceptron.gate.sampling.budget import (
    OVER,
    SCREENED,
    Remaining,
    plan_confirmation,
    plan_screen,
)
from perceptron.gate.sampling.schedule import Costs
from perceptron.gate.verdict.rule import Rule
from perceptron.gate.verdict.work import WorkEvidence, work_of
from perceptron.records.comparison import Work
from tests.gate.conftest import counts

RULE = Rule()
COSTS = Costs(0.5, {"cheap": 0.5, "dear": 10.0, "dearest": 30.0})


def remaining(budget: float, elapsed: float = 10.0) -> Remaining:
    return Remaining(SCREENED * budget - elapsed, budget, SCREENED)


def advised(text: str) -> float:
    (minutes,) = re.findall(r"raise (?:--budget|it) to ([\d.]+)$", text)
    return float(minutes)


def test_what_is_left_out_says_the_budget_that_keeps_it() -> None:
    _, left_out = plan_screen(COSTS, remaining(120.0), RULE, {})
    assert [row.benchmark for row in left_out] == ["dearest", "dear"]
    for row in left_out:
        minutes = advised(row.reason)
        kept, less = (
            {out.benchmark for out in plan_screen(COSTS, remaining(60 * budget), RULE, {})[1]}
            for budget in (minutes, minutes - 1)
        )
        assert row.benchmark not in kept
        assert row.benchmark in less


def test_a_budget_for_nothing_says_what_the_cheapest_needs() -> None:
    with pytest.raises(UserError) as error:
        plan_screen(COSTS, remaining(15.0), RULE, {})
    minutes = advised(str(error.value))
    blocks, left_out = plan_screen(COSTS, remaining(60 * minutes), RULE, {})
    assert blocks >= RULE.fewest_screen
    assert len(left_out) == 2


@settings(deadline=None)
@given(st.floats(1, 1e5), st.floats(0, 1e5), st.sampled_from([SCREENED, OVER]))
def test_the_minutes_are_enough_and_round(budget: float, needed: float, share: float) -> None:
    elapsed = 0.1 * budget
    minutes = Remaining(share * budget - elapsed, budget, share).minutes(needed)
    assert share * 60 * minutes - elapsed >= needed - 1e-6
    assert (2 * minutes).is_integer()
    assert minutes <= 10 or minutes.is_integer()
    assert 60 * minutes >= budget


def test_what_the_work_decides_takes_no_time_of_a_confirmation() -> None:
    slower = [0.2 + 0.001 * number for number in range(10)]
    screen = {"cheap": slower, "dear": slower}
    work = work_of(counts("dear", 0.05, 0.05, 0.05), RULE)
    assert set(plan_confirmation(screen, {}, COSTS, 1e4, RULE)) == {"cheap", "dear"}
    assert set(plan_confirmation(screen, work, COSTS, 1e4, RULE)) == {"cheap"}


def test_what_did_more_work_is_the_last_to_go() -> None:
    """The clock may contradict it; and where counts judge something, nothing is an error."""
    dearest = max(COSTS.benchmarks, key=COSTS.benchmarks.__getitem__)
    work = Work(base=1.0, head=2.0, change=1.0, noise=0.0)
    rose = {dearest: WorkEvidence("rose", work)}
    cheapest = min(COSTS.benchmarks, key=COSTS.benchmarks.__getitem__)
    seconds = 2.01 * RULE.fewest_screen * COSTS.process([dearest])
    _, left_out = plan_screen(COSTS, Remaining(seconds, 600.0, 0.65), RULE, rose)
    assert dearest not in {out.benchmark for out in left_out}
    assert cheapest in {out.benchmark for out in left_out}
    _, left_out = plan_screen(COSTS, remaining(0.1), RULE, rose)
    assert {out.benchmark for out in left_out} == set(COSTS.benchmarks)
