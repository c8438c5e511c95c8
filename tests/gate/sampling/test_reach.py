"""What comes first and what is left out, from what a look told; and when there is no look."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from perceptron.gate.sampling import reach
from perceptron.gate.sampling.arms import Arms
from perceptron.gate.sampling.budget import Remaining, plan_screen
from perceptron.gate.sampling.caches import Caches
from perceptron.gate.sampling.processes import UNSEEDED, Answer, Seeds
from perceptron.gate.sampling.schedule import Costs
from perceptron.gate.verdict.rule import Rule
from perceptron.records.block import Arm, Benchmark
from perceptron.records.comparison import ComparisonPlan, Reach, Side

SIDE = Side(name="x", commit="0", python="python")
YES, NO = Reach(touches="yes"), Reach(touches="no")
PERHAPS = Reach(touches="perhaps", reason="nobody knows")


def plan(**fields: Any) -> ComparisonPlan:
    return ComparisonPlan(
        suite="s",
        benchmarks=None,
        base=SIDE,
        head=SIDE,
        budget_seconds=600.0,
        seed=1,
        rule={},
        **{"changed_files": ["toy/a.py"], **fields},
    )


def named(*names: str) -> dict[str, Benchmark]:
    return {name: Benchmark(name=name) for name in names}


def test_what_runs_changed_code_comes_first_and_then_what_perhaps_does() -> None:
    suite = named("a", "b", "c", "d")
    known = plan(reach={"a": NO, "b": PERHAPS, "c": YES, "d": YES})
    compared, others = reach.restrict(known, suite)
    assert (list(compared), others) == (["c", "d", "b", "a"], [])


def test_only_what_surely_runs_none_of_it_is_left_out() -> None:
    suite = named("a", "b", "c")
    known = plan(only_changed=True, reach={"a": NO, "b": PERHAPS})
    compared, others = reach.restrict(known, suite)
    assert (set(compared), others) == ({"b", "c"}, ["a"])


def test_nothing_is_left_out_where_a_change_shows_in_no_call() -> None:
    suite = named("a", "b")
    known = plan(only_changed=True, hidden_changes=["toy/core.c"], reach={"a": NO, "b": YES})
    compared, others = reach.restrict(known, suite)
    assert (list(compared), others) == (["b", "a"], [])


def test_everything_is_left_out_where_no_code_changed() -> None:
    compared, others = reach.restrict(plan(only_changed=True, changed_files=[]), named("a", "b"))
    assert (compared, others) == ({}, ["a", "b"])


def test_nobody_looks_where_it_would_make_no_difference() -> None:
    """A small suite is got through in any order; what is hidden shows in no call."""
    few, many = ([Benchmark(name=str(n)) for n in range(size)] for size in (3, reach.MANY + 1))
    assert not reach.is_wanted(plan(), few)
    assert reach.is_wanted(plan(), many)
    assert reach.is_wanted(plan(only_changed=True), few)
    assert not reach.is_wanted(plan(only_changed=True, hidden_changes=["a.c"]), few)
    assert not reach.is_wanted(plan(only_changed=True, changed_files=[]), many)


def test_what_runs_changed_code_is_measured_though_the_budget_is_too_short_for_all() -> None:
    """The most expensive goes first otherwise."""
    costs = Costs(0.1, {"cheap": 1.0, "dear": 5.0, "other": 1.0})
    left = Remaining(50.0, 60.0, 0.7)
    rule = Rule()
    _, without = plan_screen(costs, left, rule, {})
    assert next(row.benchmark for row in without) == "dear"
    _, left_out = plan_screen(costs, Remaining(70.0, 100.0, 0.7), rule, {}, ["dear"])
    assert {row.benchmark for row in left_out} == {"cheap", "other"}


class Fake:
    """An arm whose benchmarks take so long, one of which ends its process."""

    def __init__(self, home: Path) -> None:
        self.trees = SimpleNamespace(home=home)
        self.now = 0.0
        self.begun: list[str] = []

    @staticmethod
    def identifier(_arm: Arm, own: Benchmark) -> str:
        return own.asv_id

    def run(
        self, arm: Arm, kind: str, _seeds: Seeds, tasks: Sequence[dict[str, Any]], *_: object
    ) -> Iterator[Answer]:
        assert (arm, kind) == ("head", "reach")
        for task in tasks:
            key = task["key"]
            self.now += 1.0
            self.begun.append(key)
            yield Answer(kind="start", key=key)
            if "crash" in key:
                yield Answer(kind="died", reason="its process was killed")
                return
            files = ["toy/a.py"] if "touch" in key else []
            reason = "it starts other processes" if "child" in key else None
            content = {"key": key, "status": "ok", "reached": files, "reason": reason}
            yield Answer(kind="reading", key=key, content=content)
        yield Answer(kind="end")


@pytest.fixture
def fake(tmp_path: Path) -> Fake:
    return Fake(tmp_path)


def look(fake: Fake, benchmarks: Sequence[Benchmark], seconds: float = 60.0) -> dict[str, Reach]:
    arms = cast(Arms, fake)
    told = reach.Look(arms, Caches(arms), ["toy/a.py"], lambda: seconds - fake.now)
    return told.at(benchmarks, UNSEEDED)


def test_a_look_tells_of_each_benchmark_and_survives_what_ends_its_process(fake: Fake) -> None:
    assert look(fake, list(named("touch", "crash", "child", "none").values())) == {
        "touch": YES,
        "crash": Reach(touches="perhaps", reason="its process was killed"),
        "child": Reach(touches="perhaps", reason="it starts other processes"),
        "none": NO,
    }


def test_a_look_is_over_in_time_and_begins_with_each_function(fake: Fake) -> None:
    suite = [Benchmark(name=n, params=[str(i)], index=i) for n in "ab" for i in range(3)]
    told = look(fake, suite, seconds=2.0)
    assert fake.begun[:2] == ["a(0)", "b(0)"]
    assert [told[key].touches for key in ("a(0)", "b(0)", "a(1)")] == ["no", "no", "perhaps"]
    assert told["b(2)"].reason == "there was no time to look at what it runs"


def test_what_a_setup_cache_made_is_not_looked_at(fake: Fake) -> None:
    """Making it may take longer than the whole look."""
    told = look(fake, [Benchmark(name="touch", cache="c")])
    assert (told["touch"].touches, fake.begun) == ("perhaps", [])
