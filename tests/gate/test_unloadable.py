"""Modules that no arm can load are benchmarks that nobody judged."""

from __future__ import annotations

import msgspec
import pytest

from perceptron.gate.unloadable import unjudged, verdict_without_rows
from perceptron.gate.verdict.rule import Rule
from perceptron.records.comparison import ComparisonPlan, Side
from tests.gate.conftest import FEWEST, Repository, run

SIDE = Side(name="x", commit="0", python="python")
PLAN = ComparisonPlan(
    suite="s", benchmarks=None, base=SIDE, head=SIDE, budget_seconds=60, seed=1, rule={}
)
RULE = Rule(**FEWEST)


def plan(not_reached: int, changed: str = "toy/lines.py") -> ComparisonPlan:
    keys = [f"suite.time_{number}" for number in range(not_reached)]
    return msgspec.structs.replace(PLAN, changed_files=[changed] * bool(changed), not_reached=keys)


@pytest.mark.parametrize(
    ("modules", "compared", "not_reached", "expected"),
    [(3, 10, 0, 3), (0, 2, 40, 0), (3, 2, 40, 1), (40, 1, 9, 4)],
)
def test_where_some_are_compared_as_large_a_share_of_the_modules_ought_to_be(
    modules: int, compared: int, not_reached: int, expected: int
) -> None:
    assert unjudged(modules, compared, plan(not_reached)) == expected


def test_nothing_to_compare_is_clean_if_most_were_looked_at() -> None:
    """Where no code changed, nothing needs to be."""
    clean = ("clean", "no benchmark runs code that changed")
    assert verdict_without_rows(5, plan(5), RULE) == clean
    assert verdict_without_rows(6, plan(5), RULE) == (
        "inconclusive",
        "only 5 of 11 benchmarks could be looked at: less than 50 %",
    )
    assert verdict_without_rows(6, plan(5, changed=""), RULE) == clean


def test_a_suite_most_of_which_does_not_load_is_not_clean(toy: Repository) -> None:
    """Unless that is said to do."""
    for number in range(5):
        toy.write(f"benchmarks/broken{number}.py", "import nothing_called_so\n")
    toy.commit("second")
    comparison = run()
    assert (comparison.verdict, comparison.reason) == (
        "inconclusive",
        "only 4 of 9 benchmarks could be judged: less than 50 %",
    )
    assert [row.benchmark for row in comparison.plan.left_out] == [
        f"benchmarks.broken{number}" for number in range(5)
    ]
    few = run(least_judged=0.4)
    assert (few.verdict, few.reason) == ("clean", "4 of 9 benchmarks judged, none slower")
    assert run(benchmarks="one").verdict == "clean"
