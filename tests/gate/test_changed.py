"""Which benchmarks run changed code, from two commits to what is compared.

What the suite measures counts work, so nothing here depends on how fast or busy the machine is.
"""

from __future__ import annotations

import pytest

from tests.gate.conftest import Repository, run

WORK = """
import toy

LIMIT = {limit}

def work(amount):
    amount *= {factor}
    toy.work(amount)
    return amount

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

def time_line():
    lines.work(100)
time_line.timer = toy.clock

def track_line():
    return lines.work(100)

def track_circle():
    return circles.work(100)

def track_neither():
    return toy.work(100)

def track_thread():
    amounts = []
    thread = threading.Thread(target=lambda: amounts.append(lines.work(100)))
    thread.start()
    thread.join()
    return amounts[0]

class Elsewhere:
    def setup(self):
        self.pool = ProcessPoolExecutor(1)

    def teardown(self):
        self.pool.shutdown()

    def track_child(self):
        subprocess.run([sys.executable, "-S", "-c", "pass"], check=True)
        return 1

    def track_pool(self):
        return self.pool.submit(lines.work, 100).result()
"""


def work(limit: int = 1, factor: float = 1.0) -> str:
    return WORK.format(limit=limit, factor=factor)


@pytest.fixture
def two_modules(toy: Repository) -> Repository:
    toy.write("toy/circles.py", work())
    toy.write("toy/lines.py", work())
    toy.write("toy/old.py", "")
    toy.write("benchmarks/suite.py", SUITE)
    toy.commit("first")
    return toy


def test_only_benchmarks_that_run_code_of_the_changed_module_are_compared(
    two_modules: Repository,
) -> None:
    """In a thread too, and those that are no times; their share of the suite does not matter.

    What starts other processes may run it there, of which nobody can tell.
    """
    two_modules.write("toy/lines.py", work(factor=1.05))
    two_modules.write("README.md", "prose")
    two_modules.commit("second")
    comparison = run(only_changed=True, reasons=False)
    assert comparison.verdict == "regression"
    verdicts = {row.benchmark.split(".")[-1]: row.verdict for row in comparison.rows}
    slower = dict.fromkeys(("time_line", "track_line", "track_thread", "track_pool"), "regression")
    assert verdicts == {**slower, "track_child": "no change"}
    assert comparison.plan.changed_files == ["toy/lines.py"]
    assert sorted(comparison.plan.not_reached) == ["suite.track_circle", "suite.track_neither"]
    assert "--changed" in comparison.reproduce


def test_nothing_is_left_out_where_a_change_shows_in_no_call(two_modules: Repository) -> None:
    """What is no Python, a deleted module, a changed constant: the benchmark calls none of it."""
    (two_modules.folder / "toy/old.py").unlink()
    two_modules.write("toy/lines.py", work(limit=2))
    two_modules.write("toy/table.json", "1")
    two_modules.write("toy/circles.py", work(factor=1.05))
    for name in ("README.md", "docs/conf.py", "toy/core.pyi", "toy/tests/test_lines.py"):
        two_modules.write(name, "")
    two_modules.commit("second")
    comparison = run(only_changed=True, benchmarks="neither")
    assert [row.benchmark for row in comparison.rows] == ["suite.track_neither"]
    assert comparison.plan.not_reached == []
    assert comparison.plan.hidden_changes == ["toy/lines.py", "toy/old.py", "toy/table.json"]
