"""From two commits to a verdict on tests with the benchmark fixture, whose clock counts work."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from perceptron.errors import UserError
from perceptron.records.comparison import Comparison
from perceptron.report.pull_request.comment import comment
from tests.gate.conftest import COUNTED, Repository, interpreter, rows, run

FILE = "tests/speed/test_toy.py"
TESTS = """
import pytest
import toy

pytestmark = pytest.mark.benchmark(timer=toy.clock)

@pytest.mark.benchmark(group="singles", timer=toy.clock)
def test_one(benchmark, made):
    benchmark(toy.work, 100)

def test_two(benchmark):
    benchmark(toy.work, 200)

@pytest.mark.benchmark(group="singles", timer=toy.clock)
def test_three(benchmark, fragile):
    benchmark(toy.work, 300)
"""
CONFTEST = """
import pytest

@pytest.fixture
def made():
    return 1

@pytest.fixture
def fragile():
    import toy
    assert not hasattr(toy, "broken"), "gone"
"""


@pytest.fixture
def tested(toy: Repository, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """A repository with tests in a folder of its own, and what they need above it.

    Programs load no plug-ins, which are half of their start.
    """
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    shutil.rmtree(toy.folder / "benchmarks")
    (toy.folder / "asv.conf.json").unlink()
    toy.write("tests/conftest.py", CONFTEST)
    toy.commit("base", FILE, TESTS)
    return toy


def compared(**options: Any) -> Comparison:
    return run("base", "head", pytest="tests/speed", **options)


@pytest.mark.slow
def test_pytest_compare_finds_slower_and_broken_tests(tested: Repository) -> None:
    """By HEAD's tests on both, with what HEAD put into the folders above; a group can be chosen."""
    tested.write(FILE, TESTS.replace("made", "made_anew"))
    tested.write("tests/conftest.py", CONFTEST.replace("made", "made_anew"))
    slower = COUNTED.replace("amount * 1e-6", "amount * (1.05e-6 if amount == 100 else 1e-6)")
    tested.commit("head", "toy/__init__.py", slower + "broken = True\n")
    comparison = compared(benchmarks="singles|two", reasons=False)
    assert comparison.verdict == "regression", comparison.reason
    by_name = rows(comparison)
    assert {name: row.verdict for name, row in by_name.items()} == {
        "test_one": "slower",
        "test_two": "no change",
        "test_three": "slower",
    }
    one, three = by_name["test_one"], by_name["test_three"]
    assert one.change == pytest.approx(0.05, rel=1e-6)
    assert (one.benchmark, one.file, one.line) == (f"{FILE}::test_one", FILE, 7)
    assert "AssertionError: gone" in (three.reason or "")
    assert "\n" not in (three.reason or "")
    assert f"{FILE}::test_one" in comment(comparison)
    assert "--pytest tests/speed" in comparison.reproduce


@pytest.mark.parametrize("moves", [False, True], ids=["pytest", "asv"])
def test_code_among_the_benchmarks_that_both_sides_take_from_head_is_not_clean(
    toy: Repository, moves: bool
) -> None:
    """Beside tests, or in the folder that HEAD's configuration names anew."""
    toy.write("part/__init__.py", "import toy\n")
    toy.write("part/core.py", "def work():\n    return 1\n")
    test = "import part.core\ndef test_it(benchmark):\n    benchmark(part.core.work)\n"
    toy.write("part/test_it.py", test)
    toy.commit("base")
    toy.write("part/core.py", "def work():\n    return sum(range(10_000))\n")
    if moves:
        toy.git("mv", "benchmarks/suite.py", "part/suite.py")
        config = '{"project": "toy", "repo": ".", "benchmark_dir": "part"}'
        toy.write("asv.conf.json", config)
    toy.commit("head")
    comparison = run("base", "head", always=False, pytest=None if moves else "part")
    assert comparison.verdict == "inconclusive"
    assert comparison.reason.startswith(f"HEAD's {'part' if moves else 'part/core.py'} served both")


def test_tests_that_measure_no_code_of_the_tree_are_refused(tested: Repository) -> None:
    """A helper among the tests is none of it, nor is what configures them."""
    tested.write("conftest.py", "")
    tested.write("tests/__init__.py", "def clock(): return 0.0\n")
    tested.write("tests/speed/__init__.py", "")
    tested.write(FILE, "import tests\n\ndef test_it(benchmark):\n    benchmark(sum, [1])\n")
    tested.commit("head")
    with pytest.raises(UserError, match="the benchmarks import no module of its tree"):
        compared()


def test_pytest_compare_names_python_without_pytest(tested: Repository, tmp_path: Path) -> None:
    bare = interpreter(tmp_path / "python", f"{sys.executable} -S")
    tested.commit("head")
    with pytest.raises(UserError, match=r"HEAD has no pytest .*/python"):
        compared(head_python=bare)
    with pytest.raises(UserError, match=r"^--head-python /nowhere/python: no such"):
        compared(head_python="/nowhere/python")
