"""Which benchmarks run changed code, from two commits to a verdict and to what is said of it.

The clock of the suite counts work, so nothing here depends on how fast or busy the machine is.
"""

from __future__ import annotations

import pytest

from perceptron.records.comparison import Comparison
from perceptron.report.pull_request.comment import comment
from perceptron.report.tables.comparison_notes import notes
from tests.gate.conftest import Repository, run

WORK = """
import toy

LIMIT = 1

def {name}(amount):
    toy.work(amount)

def unused():
    pass
"""
SUITE = """
import subprocess
import sys
import threading
from concurrent.futures import ProcessPoolExecutor

import toy
from toy import circles, lines

class Counted:
    timer = staticmethod(toy.clock)
    warmup_time = 0

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

class Elsewhere:
    def setup(self):
        self.pool = ProcessPoolExecutor(1)

    def teardown(self):
        self.pool.shutdown()

    def track_child(self):
        subprocess.run([sys.executable, "-S", "-c", "pass"], check=True)
        return 1

    def track_pool(self):
        self.pool.submit(lines.line, 1).result()
        return 1
"""


@pytest.fixture
def two_modules(toy: Repository) -> Repository:
    toy.write("toy/circles.py", WORK.format(name="circle"))
    toy.write("toy/lines.py", WORK.format(name="line"))
    toy.write("benchmarks/suite.py", SUITE)
    toy.commit("first")
    return toy


def names(comparison: Comparison) -> set[str]:
    return {row.benchmark.split("_")[-1] for row in comparison.rows}


def slower(module: str) -> str:
    return WORK.format(name=module).replace("work(amount)", "work(1.05 * amount)")


def test_only_benchmarks_that_run_code_of_the_changed_module_are_compared(
    two_modules: Repository,
) -> None:
    """In a thread too, and those that are no times; their share of the suite does not matter.

    What starts other processes may run it there, of which nobody can tell.
    """
    two_modules.write("toy/lines.py", slower("line"))
    two_modules.write("README.md", "prose")
    two_modules.commit("second")
    comparison = run(only_changed=True)
    assert comparison.verdict == "regression"
    assert names(comparison) == {"line", "thread", "child", "pool"}
    assert {row.benchmark for row in comparison.rows if row.verdict == "regression"} == {
        "suite.Counted.time_line",
        "suite.Counted.time_thread",
    }
    assert comparison.plan.changed_files == ["toy/lines.py"]
    assert sorted(comparison.plan.not_reached) == [
        "suite.Counted.time_circle",
        "suite.Counted.time_neither",
    ]
    said = "2 of 7 benchmarks run no code of the 1 changed file and were not compared"
    assert said in notes(comparison)
    assert said in comment(comparison)
    assert "--changed" in comparison.reproduce


def test_nothing_is_left_out_where_a_change_shows_in_no_call(two_modules: Repository) -> None:
    """What is no Python, a deleted module, a changed constant: the benchmark calls none of it."""
    two_modules.write("toy/old.py", "")
    two_modules.commit("first")
    (two_modules.folder / "toy/old.py").unlink()
    two_modules.write("toy/lines.py", WORK.format(name="line").replace("LIMIT = 1", "LIMIT = 2"))
    two_modules.write("toy/table.json", "1")
    two_modules.write("toy/circles.py", slower("circle"))
    for name in ("README.md", "docs/conf.py", "toy/core.pyi", "toy/tests/test_lines.py"):
        two_modules.write(name, "")
    two_modules.commit("second")
    comparison = run(only_changed=True, benchmarks="neither")
    assert names(comparison) == {"neither"}
    assert comparison.plan.not_reached == []
    assert comparison.plan.hidden_changes == ["toy/lines.py", "toy/old.py", "toy/table.json"]
