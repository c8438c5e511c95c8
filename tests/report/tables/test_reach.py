from __future__ import annotations

from typing import Any

from perceptron.records.comparison import LeftOut, Reach
from perceptron.report.tables.comparison_notes import left_out
from perceptron.report.tables.reach import reach
from tests.made_comparison import comparison, row

YES, NO = Reach(touches="yes"), Reach(touches="no")
CHILD = Reach(touches="perhaps", reason="it starts other processes")


def said(**plan: Any) -> list[str]:
    return reach(comparison(row(), plan=plan))


def test_nothing_is_said_where_nobody_looked() -> None:
    late = LeftOut(benchmark="a", reason="no time was left to try it: raise --budget")
    assert said(left_out=[late]) == []


def test_it_is_said_how_many_were_not_compared_and_why_others_were() -> None:
    many = [f"n{number}" for number in range(1200)]
    compared = len(comparison(row()).benchmarks)
    assert said(
        only_changed=True,
        changed_files=["a.py", "b.py"],
        not_reached=many,
        reach=dict.fromkeys(many, NO) | {"x": CHILD, "y": CHILD, "z": CHILD},
    ) == [
        f"1,200 of {1200 + compared:,} benchmarks run no code of the 2 changed files and were not "
        "compared",
        "perhaps run changed code: x, y and 1 more: it starts other processes",
    ]


def test_it_is_said_that_no_code_changed() -> None:
    assert said(only_changed=True, not_reached=["a", "b"]) == [
        "no code that benchmarks run changed: none of 2 benchmarks was compared"
    ]


def test_it_is_said_why_changed_leaves_nothing_out() -> None:
    assert said(only_changed=True, changed_files=["a.py"], hidden_changes=["b.c", "c.c"]) == [
        "--changed leaves nothing out: a change of b.c and 1 more may show in any benchmark"
    ]


def test_what_it_did_not_reach_names_first_what_runs_changed_code() -> None:
    reason = "0.5 s a block are too long: raise --budget to {}"
    rows = [
        LeftOut(benchmark=name, reason=reason.format(minutes))
        for name, minutes in (("a", 9), ("b", 8), ("c", 7))
    ]
    skipped = LeftOut(benchmark="d", reason="skipped: not here")
    plan = {
        "left_out": [*rows, skipped],
        "reach": {"a": NO, "b": YES, "c": CHILD, "d": YES},
    }
    assert said(**plan) == ["not reached: 3 benchmarks, 1 of which run changed code: b"]
    plan["reach"] = {"a": YES, "b": YES, "c": YES}
    assert said(**plan) == [
        "not reached: 3 benchmarks, all of which run changed code: a, b and 1 more"
    ]
    plan["reach"] = {"a": NO, "b": NO}
    assert said(**plan) == ["not reached: 3 benchmarks, none of which surely runs changed code"]


def test_what_was_left_out_lists_first_what_runs_changed_code() -> None:
    """However long a block of each would be, and whatever the budget for it."""
    rows = [
        LeftOut(
            benchmark=name, reason=f"{seconds} s a block are too long: raise --budget to {minutes}"
        )
        for name, seconds, minutes in (("a", 0.9, 9), ("b", 0.5, 6), ("c", 0.7, 8))
    ]
    plan = {"left_out": rows, "reach": {"a": NO, "b": YES, "c": NO}}
    assert left_out(comparison(plan=plan)) == [
        ("b, a and 1 more", "0.5 to 0.9 s a block are too long: raise --budget to 6 to 9")
    ]
