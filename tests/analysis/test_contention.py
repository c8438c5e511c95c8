from __future__ import annotations

from perceptron.analysis.contention import (
    LARGEST_CONTENDED_SHARE,
    Contention,
    contention,
    contention_warnings,
)
from perceptron.waiting import LARGEST_WAITED_SHARE
from tests.made import measured

TEN = [1e-3] * 10


def test_samples_and_times_are_added_up() -> None:
    """Dropped samples are not among a row's own; what waited no more than allowed did not."""
    rows = [
        measured(samples=TEN, waited=LARGEST_WAITED_SHARE, contended=5),
        measured(samples=TEN, waited=LARGEST_WAITED_SHARE + 1e-9, contended=0),
    ]
    total = contention(rows)
    assert total == Contention(samples=25, contended=15, times=2, waited=1)
    assert total.share == 0.6
    assert contention(rows[:1]) + contention(rows[1:]) == total


def test_rows_that_do_not_say_count_nothing() -> None:
    """Those of old runs, of other systems, and those without a time; and none is warned of."""
    rows = [measured(samples=TEN), measured(status="failed", waited=0.5, contended=3)]
    assert contention(rows) == Contention()
    assert contention(rows).share == 0.0
    assert contention_warnings(rows) == []


def test_few_contended_samples_that_were_taken_again_are_no_news() -> None:
    """They cost a little time, and the times stand."""
    quiet = [measured(samples=TEN, waited=0.0, contended=0)] * 9
    few = [*quiet, measured(samples=TEN, waited=0.0, contended=11)]
    assert contention(few).share < LARGEST_CONTENDED_SHARE
    assert contention_warnings(few) == []
    (warning,) = contention_warnings([*few, measured(samples=TEN, waited=0.0, contended=11)])
    assert warning.code == "contended"
    assert warning.message.startswith("17% of the samples were contended")
    assert "rest on" not in warning.message
    assert warning.advice.startswith("they were taken again")


def test_times_that_waited_all_the_same_are_counted() -> None:
    """One of twenty is outvoted by the processes beside it; more are not."""
    rows = [measured(samples=TEN, waited=0.0, contended=0)] * 19 + [
        measured(samples=TEN, waited=0.3, contended=0)
    ]
    assert contention_warnings(rows) == []
    (warning,) = contention_warnings(rows[1:])
    assert "1 of 19 times rest on samples that waited more than 2% of their time" in warning.message
    assert "--wait" in warning.advice
