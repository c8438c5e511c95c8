"""What a budget that is too small is spent on."""

from __future__ import annotations

from perceptron.gate.sampling.budget import (
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
