"""From two commits to a verdict, on tests with the benchmark fixture, by a clock that counts work
and by counted instructions."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from perceptron.errors import UserError
from perceptron.gate.checkout.request import CompareRequest
from perceptron.gate.compare import compare
from perceptron.gate.verdict.rule import Rule
from perceptron.records.comparison import Comparison, Row
from perceptron.report.pull_request.comment import comment
from tests.gate.conftest import COUNTED, FEWEST, Repository

FILE = "tests/speed/test_toy.py"
TESTS = """
import pytest
import toy

pytestmark = pytest.mark.benchmark(timer=toy.clock)

@pytest.mark.benchmark(group="singles", timer=toy.clock)
def test_one(benchmark, made):
    benchmark(toy.work, {one})

def test_two(benchmark):
    benchmark(toy.work, 200)

@pytest.mark.parametrize("size", [300])
def test_more(benchmark, size):
    assert benchmark.pedantic(toy.work, setup=lambda: ((size,), {{}}), rounds=3) > 0
"""
CONFTEST = """
import pytest

@pytest.fixture
def made():
    return 1
"""
# Work that a count sees, on a clock that goes ten times slower in one of the folders that the trees
# take turns in: base and head look slow by turns, whatever chance does, and it is sure of nothing.
UNEVEN = """
import os
NOW = 0.0
FOLDER = os.path.basename(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PACE = 10 if FOLDER == "a" else 1

def work(units):
    global NOW
    total = 0.0
    for _ in range(units):
        for number in range(50):
            total += 0.5 * number
    NOW += units * 1e-6 * PACE
    return total

def clock():
    return NOW
"""


@pytest.fixture
def tested(toy: Repository, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """A repository with tests in a folder of its own, and what they need above it.

    Programs load no plug-ins, which are half of their start.
    """
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    shutil.rmtree(toy.folder / "benchmarks")
    (toy.folder / "asv.conf.json").unlink()
    toy.write(".gitignore", "results/\n__pycache__/\n")
    toy.write("tests/conftest.py", CONFTEST)
    toy.write(FILE, TESTS.format(one=100))
    toy.commit("base")
    return toy


def run(head: str = "head", **options: object) -> Comparison:
    given = {"results": Path("results"), "seed": 1, "count": "never", "pytest": Path("tests/speed")}
    request = CompareRequest("base", head, **{**given, **options})  # type: ignore[arg-type]
    return compare(request, lambda *_: None, Rule(**FEWEST, look=5))


def rows(comparison: Comparison) -> dict[str, Row]:
    return {
        ", ".join([row.benchmark.rpartition("::test_")[2], *row.params]): row
        for row in comparison.rows
    }


def test_a_comment_changes_nothing(tested: Repository) -> None:
    tested.write("toy/__init__.py", COUNTED + "# a comment\n")
    tested.commit("head")
    comparison = run()
    assert comparison.verdict == "clean", comparison.reason
    assert rows(comparison).keys() == {"one", "two", "more, 300"}
    assert {row.verdict for row in comparison.rows} == {"no change"}
    assert comparison.plan.kind == "pytest"
    assert comparison.plan.suite == "tests/speed"


def test_five_per_cent_in_one_test_of_three_are_found(tested: Repository) -> None:
    """By HEAD's tests on both, with what HEAD put into the folders above."""
    tested.write(FILE, TESTS.format(one=100).replace("made", "made_anew"))
    tested.write("tests/conftest.py", CONFTEST.replace("made", "made_anew"))
    tested.write(
        "toy/__init__.py",
        COUNTED.replace("amount * 1e-6", "amount * (1.05e-6 if amount == 100 else 1e-6)"),
    )
    tested.commit("head")
    comparison = run()
    assert comparison.verdict == "regression", comparison.reason
    found = rows(comparison)
    one = found.pop("one")
    assert one.verdict == "regression"
    assert one.change == pytest.approx(0.05, rel=1e-6)
    assert (one.benchmark, one.file, one.line) == (f"{FILE}::test_one", FILE, 7)
    assert {row.verdict for row in found.values()} == {"no change"}
    assert f"{FILE}::test_one" in comment(comparison)
    assert "--pytest tests/speed" in comparison.reproduce


@pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is not installed")
def test_five_per_cent_more_work_are_found_where_the_clock_sees_nothing(tested: Repository) -> None:
    tested.write("toy/__init__.py", UNEVEN)
    tested.commit("base2")
    tested.git("tag", "--force", "base")
    slower = UNEVEN.replace("range(units)", "range(units + (5 if units == 100 else 0))")
    tested.write("toy/__init__.py", slower)
    tested.commit("head")
    comparison = run(count="always", benchmarks="one|two", reasons=False)
    assert comparison.verdict == "regression", comparison.reason
    one, two = rows(comparison)["one"], rows(comparison)["two"]
    assert (one.verdict, one.stands_on) == ("regression", "work")
    assert one.work is not None
    assert one.work.change == pytest.approx(0.05, abs=0.005)
    assert (two.verdict, two.stands_on) == ("no change", "work")
    assert two.work is not None
    assert abs(two.work.change) < Rule().repeatable


def test_a_group_can_be_chosen_and_fixtures_that_fail_on_head_are_a_finding(
    tested: Repository,
) -> None:
    """In one line, with the name of the fixture."""
    broken = CONFTEST.replace("return 1", "import toy; assert not hasattr(toy, 'broken'), 'gone'")
    tested.write("tests/conftest.py", broken)
    tested.write("toy/__init__.py", COUNTED + "broken = True\n")
    tested.commit("head")
    comparison = run(benchmarks="singles")
    [row] = comparison.rows
    assert (comparison.verdict, row.verdict) == ("regression", "regression")
    assert "fixture made: AssertionError: gone" in (row.reason or "")
    assert "\n" not in (row.reason or "")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pytest": Path("tests/none")}, "--pytest tests/none: no such file or folder in head"),
        ({"pytest": Path("..")}, r"--pytest \.\.: not inside the repository"),
        ({"suite": Path("other.json")}, "--pytest tests/speed: not with --suite"),
        ({"pytest": Path("toy/__init__.py")}, "no test in it uses the benchmark fixture"),
        ({"pytest": Path("tests/conftest.py")}, "no test in it uses the benchmark fixture"),
    ],
)
def test_wrong_usage_is_one_line(
    tested: Repository, options: dict[str, object], message: str
) -> None:
    tested.commit("head")
    with pytest.raises(UserError, match=message) as caught:
        run(**options)
    assert "\n" not in str(caught.value)


def test_tests_that_measure_no_code_of_the_tree_are_refused(tested: Repository) -> None:
    """A helper among the tests is none of it, nor is what configures them."""
    tested.write("conftest.py", "")
    tested.write("tests/__init__.py", "def clock(): return 0.0\n")
    tested.write("tests/speed/__init__.py", "")
    tested.write(FILE, "import tests\n\ndef test_it(benchmark):\n    benchmark(sum, [1])\n")
    tested.commit("head")
    with pytest.raises(UserError, match="the benchmarks import no module of its tree"):
        run()


@pytest.mark.usefixtures("traced")
def test_an_interpreter_without_pytest_is_named(tested: Repository, tmp_path: Path) -> None:
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    bare.chmod(0o755)
    tested.commit("head")
    with pytest.raises(UserError, match=r"/python: has no pytest .*--head-python"):
        run(head_python=str(bare))
