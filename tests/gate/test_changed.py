"""Which benchmarks run changed code, from two commits to a verdict and to what is said of it.

The clock of the suite counts work, so nothing here depends on how fast or busy the machine is.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from perceptron.gate.checkout.request import CompareRequest
from perceptron.gate.compare import compare
from perceptron.gate.sampling import reach
from perceptron.gate.verdict.rule import Rule
from perceptron.records.comparison import Comparison
from perceptron.report.pull_request.comment import comment
from perceptron.report.tables.comparison_notes import notes
from tests.gate.conftest import FEWEST, Repository

QUICK = Rule(**FEWEST)
WORK = """
import toy

LIMIT = 1

def {name}(amount):
    toy.work(amount)

def unused():
    pass
"""
SUITE = """
import time
import subprocess
import sys
import threading

import toy
from toy import circles, lines

class Counted:
    timer = staticmethod(toy.clock)

    def time_circle(self):
        circles.circle(100)

    def time_line(self):
        lines.line(100)

    def time_neither(self):
        toy.work(100)

    def time_thread(self):
        thread = threading.Thread(target=lines.line, args=(100,))
        thread.start()
        thread.join()

    def track_line(self):
        lines.line(1)
        return 1
"""
PREPARED = """
    def time_child(self):
        toy.work(100)
        subprocess.run([sys.executable, "-c", "pass"])

class Prepared:
    timer = staticmethod(toy.clock)

    def setup(self):
        lines.line(1)

    def time_prepared(self):
        toy.work(100)

class Long:
    timer = staticmethod(toy.clock)

    def time_long(self):
        toy.work(100)
        time.sleep({seconds})
        lines.unused()
"""


def silent(*_: object) -> None:
    pass


@pytest.fixture
def two_modules(toy: Repository) -> Repository:
    toy.write(".gitignore", "results/\n__pycache__/\n")
    toy.write("toy/circles.py", WORK.format(name="circle"))
    toy.write("toy/lines.py", WORK.format(name="line"))
    toy.write("benchmarks/suite.py", SUITE)
    toy.git("tag", "--delete", "first")
    toy.commit("first")
    return toy


def run(**options: object) -> Comparison:
    options = {"results": Path("results"), "seed": 1, "count": "never", **options}
    request = CompareRequest("first", "second", **options)  # type: ignore[arg-type]
    return compare(request, silent, QUICK)


def names(comparison: Comparison) -> set[str]:
    return {row.benchmark.split("_")[-1] for row in comparison.rows}


def slower(module: str) -> str:
    return WORK.format(name=module).replace("work(amount)", "work(1.05 * amount)")


def test_only_benchmarks_that_run_code_of_the_changed_module_are_compared(
    two_modules: Repository,
) -> None:
    """In a thread too, and those that are no times; their share of the suite does not matter."""
    two_modules.write("toy/lines.py", slower("line"))
    two_modules.write("README.md", "prose")
    two_modules.commit("second")
    comparison = run(only_changed=True)
    assert comparison.verdict == "regression"
    assert names(comparison) == {"line", "thread"}
    assert {row.benchmark for row in comparison.rows if row.verdict == "regression"} == {
        "suite.Counted.time_line",
        "suite.Counted.time_thread",
    }
    assert comparison.plan.changed_files == ["toy/lines.py"]
    assert sorted(comparison.plan.not_reached) == [
        "suite.Counted.time_circle",
        "suite.Counted.time_neither",
    ]
    said = "2 of 5 benchmarks run no code of the 1 changed file and were not compared"
    assert said in notes(comparison)
    assert said in comment(comparison)
    assert "--changed" in comparison.reproduce


def test_nothing_that_runs_changed_code_is_clean(two_modules: Repository) -> None:
    two_modules.write("toy/lines.py", WORK.format(name="line").replace("pass", "return 1"))
    two_modules.commit("second")
    comparison = run(only_changed=True, benchmarks="circle|neither")
    assert (comparison.verdict, comparison.rows) == ("clean", [])
    assert comparison.reason == "no benchmark runs code that changed"
    assert "2 of 2 benchmarks run no code of the 1 changed file" in "\n".join(notes(comparison))
    assert comment(comparison)


def test_other_benchmarks_are_no_changed_code(two_modules: Repository) -> None:
    """HEAD's serve both revisions."""
    two_modules.write("benchmarks/suite.py", SUITE + "\n")
    two_modules.commit("second")
    comparison = run(only_changed=True)
    assert (comparison.verdict, comparison.plan.changed_files) == ("clean", [])


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("toy/_fast.c", "int main;"),
        ("toy/lines.py", WORK.format(name="line").replace("LIMIT = 1", "LIMIT = 2")),
    ],
)
def test_what_no_call_shows_may_be_in_any_benchmark(
    two_modules: Repository, file: str, text: str
) -> None:
    """So all of them are compared, and it is said why."""
    two_modules.write(file, text)
    two_modules.commit("second")
    comparison = run(only_changed=True, benchmarks="circle|line")
    assert len(comparison.rows) == 3
    assert comparison.plan.hidden_changes == [file]
    said = f"--changed leaves nothing out: a change of {file} may show in any benchmark"
    assert said in notes(comparison)


def test_what_cannot_be_told_is_compared_with_the_reason(
    two_modules: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A child process, a setup that runs changed code, a call that goes on for too long."""
    monkeypatch.setattr(reach, "_LOOK_SECONDS", 0.3)
    two_modules.write("benchmarks/suite.py", SUITE + PREPARED.format(seconds=0.6))
    two_modules.git("tag", "--delete", "first")
    two_modules.commit("first")
    two_modules.write("toy/lines.py", WORK.format(name="line").replace("pass", "return 1"))
    two_modules.commit("second")
    comparison = run(only_changed=True, benchmarks="child|prepared|long|circle")
    assert names(comparison) == {"child", "prepared", "long"}
    reasons = {key.split("_")[-1]: own.reason for key, own in comparison.plan.reach.items()}
    assert reasons == {
        "child": "it starts other processes",
        "prepared": "its setup runs code of toy/lines.py",
        "long": "only 0.3 s of its call were looked at",
        "circle": None,
    }
    assert "perhaps run changed code: suite.Counted.time_child: it starts other processes" in notes(
        comparison
    )


def test_a_resumed_comparison_keeps_what_it_compares(
    two_modules: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_modules.write("toy/lines.py", slower("line"))
    two_modules.commit("second")

    def interrupt(_done: int, _total: int, message: str) -> None:
        if message.startswith("screen, block 2"):
            raise KeyboardInterrupt

    request = CompareRequest(
        "first", "second", results=Path("results"), seed=1, count="never", only_changed=True
    )
    with pytest.raises(KeyboardInterrupt):
        compare(request, interrupt, QUICK)
    monkeypatch.setattr(reach.Look, "at", lambda *_: pytest.fail("it looked again"))
    comparison = compare(request, silent, QUICK)
    assert comparison.verdict == "regression"
    assert len(comparison.plan.not_reached) == 2


def test_what_runs_changed_code_is_tried_first(
    two_modules: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a suite that may be bigger than the budget, all of which is compared."""
    monkeypatch.setattr(reach, "MANY", 4)
    two_modules.write("toy/lines.py", WORK.format(name="line").replace("pass", "return 1"))
    two_modules.commit("second")
    comparison = run()
    tried = [block.benchmark for block in comparison.blocks if block.stage == "calibration"]
    touching = {"suite.Counted.time_line", "suite.Counted.time_thread", "suite.Counted.track_line"}
    assert set(tried[:3]) == touching
    assert len(comparison.rows) == len(tried) == 5
    assert comparison.plan.not_reached == []
