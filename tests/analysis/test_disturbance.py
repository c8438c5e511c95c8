from __future__ import annotations

from perceptron.analysis.disturbance import (
    LARGEST_DISTURBED_SHARE,
    Disturbance,
    disturbance,
    disturbance_warnings,
)
from perceptron.waiting import LARGEST_WAITED_SHARE
from tests.made import measured

TEN = [1e-3] * 10


def test_samples_and_times_are_added_up() -> None:
    """Dropped samples are not among a row's own; what waited no more than allowed did not."""
    rows = [
        measured(samples=TEN, waited=LARGEST_WAITED_SHARE, disturbed=5),
        measured(samples=TEN, waited=LARGEST_WAITED_SHARE + 1e-9, disturbed=0),
    ]
    total = disturbance(rows)
    assert total == Disturbance(samples=25, disturbed=15, times=2, waited=1)
    assert total.share == 0.6
    assert disturbance(rows[:1]) + disturbance(rows[1:]) == total


def test_rows_that_do_not_say_count_nothing() -> None:
    """Those of old runs, of other systems, and those without a time; and none is warned of."""
    rows = [measured(samples=TEN), measured(status="failed", waited=0.5, disturbed=3)]
    assert disturbance(rows) == Disturbance()
    assert disturbance(rows).share == 0.0
    assert disturbance_warnings(rows) == []


def test_few_disturbed_samples_that_were_taken_again_are_no_news() -> None:
    """They cost a little time, and the times stand."""
    quiet = [measured(samples=TEN, waited=0.0, disturbed=0)] * 9
    few = [*quiet, measured(samples=TEN, waited=0.0, disturbed=11)]
    assert disturbance(few).share < LARGEST_DISTURBED_SHARE
    assert disturbance_warnings(few) == []
    (warning,) = disturbance_warnings([*few, measured(samples=TEN, waited=0.0, disturbed=11)])
    assert warning.code == "disturbed"
    assert warning.message.startswith("17 % of the samples were disturbed")
    assert "all the same" not in warning.message
    assert warning.advice.startswith("they were taken again and the times stand")


def test_times_that_waited_all_the_same_are_counted() -> None:
    """One of twenty is outvoted by the processes beside it; more are not."""
    rows = [measured(samples=TEN, waited=0.0, disturbed=0)] * 19 + [
        measured(samples=TEN, waited=0.3, disturbed=0)
    ]
    assert disturbance_warnings(rows) == []
    (warning,) = disturbance_warnings(rows[1:])
    assert "1 of 19 times rest on samples that waited more than 2 % all the same" in warning.message
    assert "--wait" in warning.advice
