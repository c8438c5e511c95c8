"""Modules that no arm can load are benchmarks that nobody judged."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from perceptron.gate.checkout.request import CompareRequest
from perceptron.gate.compare import compare
from perceptron.gate.unloadable import unjudged, verdict_without_rows, wanted_modules
from perceptron.gate.verdict.rule import Rule
from perceptron.records.comparison import Comparison, ComparisonPlan, LeftOut, Side
from tests.gate.conftest import FEWEST, Repository

LEFT_OUT = [
    LeftOut(
        benchmark="benchmarks.download",
        reason="benchmarks/download.py cannot be imported: OSError: no network",
    ),
    LeftOut(
        benchmark="benchmarks.other",
        reason="benchmarks/other.py cannot be imported: its process exited with 5",
    ),
    LeftOut(
        benchmark="benchmarks.gpu",
        reason="benchmarks/gpu.py cannot be imported: Skipped: no GPU",
    ),
    LeftOut(benchmark="suite.time_it(3)", reason="HEAD has no such parameters"),
]
SIDE = Side(name="x", commit="0", python="python")
PLAN = ComparisonPlan(
    suite="s", benchmarks=None, base=SIDE, head=SIDE, budget_seconds=60, seed=1, rule={}
)
RULE = Rule(**FEWEST)


@pytest.mark.parametrize(
    ("wanted", "modules"),
    [("", 2), ("download", 1), ("^other", 1), ("gpu", 0), ("time_it", 0)],
)
def test_a_module_that_fails_is_one_where_it_is_wanted(wanted: str, modules: int) -> None:
    """Not one that skips itself, nor what HEAD has no more."""
    assert wanted_modules(LEFT_OUT, re.compile(wanted)) == modules


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


def run(**options: Any) -> Comparison:
    options = {"results": Path("results"), "seed": 1, "count": "never", **options}
    return compare(CompareRequest("first", "second", **options), lambda *_: None, RULE)


def test_a_suite_most_of_which_does_not_load_is_not_clean(toy: Repository) -> None:
    """Unless that is said to do."""
    toy.write(".gitignore", "results/\n__pycache__/\n")
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


class Interrupted(Exception):
    pass


def test_a_run_is_not_resumed_with_another_configuration(toy: Repository) -> None:
    """The suite's file is read as it lies in the working tree."""
    toy.write(".gitignore", "results/\n__pycache__/\nasv.conf.json\n")
    toy.write("others/__init__.py", "")
    toy.write("others/suite.py", (toy.folder / "benchmarks" / "suite.py").read_text())
    toy.commit("second")

    def report(_done: int, _total: int, message: str) -> None:
        if message == "screen, block 3":
            raise Interrupted

    request = CompareRequest("first", "second", benchmarks="one", count="never", seed=1)
    with pytest.raises(Interrupted):
        compare(request, report, RULE)
    toy.write("asv.conf.json", '{"project": "toy", "benchmark_dir": "others"}')
    assert compare(request, lambda *_: None, RULE).verdict == "clean"
    assert len(list(Path("results/gate").iterdir())) == 2
