"""What takes the budget is named, and the comparison ends in it without a verdict on the change."""

from __future__ import annotations

import re
import shutil

import pytest

from perceptron.gate.sampling import discovery
from tests.gate.conftest import SUITE, Repository, run


def test_an_import_that_takes_the_budget_is_named(toy: Repository) -> None:
    toy.write("benchmarks/suite.py", f"import time\ntime.sleep(1.5)\n{SUITE}")
    toy.commit("second")
    comparison = run(budget_minutes=0.04)
    assert (comparison.verdict, comparison.rows) == ("inconclusive", [])
    assert re.search(r"; importing benchmarks/suite.py took \d+ s$", comparison.reason)
    (left_out,) = comparison.plan.left_out
    assert "importing benchmarks/suite.py took" in left_out.reason


def test_an_import_that_does_not_end_says_nothing_of_the_change(
    toy: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nobody is told to install the valgrind that there is."""
    monkeypatch.setattr(discovery, "_LEAST_SECONDS", 1.0)
    toy.write("benchmarks/suite.py", f"import time\ntime.sleep(1000)\n{SUITE}")
    toy.commit("second")
    comparison = run(budget_minutes=0.01, count="auto")
    assert (comparison.verdict, comparison.rows) == ("inconclusive", [])
    assert "benchmarks/suite.py: no answer within 1 s" in comparison.reason
    assert comparison.seconds >= 1
    assert (comparison.environment.counter is None) is (shutil.which("valgrind") is None)


def test_a_setup_cache_that_takes_the_budget_is_named(toy: Repository) -> None:
    suite = """
import time
import toy

class Cached:
    def setup_cache(self):
        time.sleep(1000)

    def track_it(self, cache):
        return 1

def track_other():
    return toy.work(1)
"""
    toy.write("benchmarks/suite.py", suite)
    toy.commit("second")
    comparison = run(budget_minutes=0.3)
    (left_out,) = comparison.plan.left_out
    assert left_out.benchmark == "suite.Cached.track_it"
    assert re.match(r"setup_cache: no answer within \d+ s", left_out.reason)
    assert [row.benchmark for row in comparison.rows] == ["suite.track_other"]
