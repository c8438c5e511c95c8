"""What HEAD deletes, renames or moves away is told, and is not clean unless somebody accepts it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from perceptron.gate.sampling import sides
from perceptron.gate.sampling.discovery import Discovery
from perceptron.gate.sampling.sides import Sides
from perceptron.records.comparison import Comparison
from perceptron.report.comparison import describe
from perceptron.report.comparison_row import verdict
from tests.gate.conftest import COUNTED, Repository, rows, run

SUITE = """
import toy

def track_it():
    return toy.work(100)

def track_total():
    return toy.total(100)
"""
LESS = SUITE.partition("def track_total")[0]
# What works on HEAD only needs no blocks.
NEW = "def new():\n    return 1\n"
REPAIRED = LESS.replace("toy.work(100)", "toy.new()")
TOY = COUNTED + "\ndef total(amount):\n    return {factor} * work(amount)\n"
SETTINGS = '{{"project": "toy", "repo": ".", "benchmark_dir": "{}"}}'
RULE = '[[tool.perceptron.gate.rule]]\nmatch = "track_total"\nremoved = "of no use, #12"\n'


@pytest.fixture(autouse=True)
def _no_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which are half of what a program with pytest takes to start."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


@pytest.fixture
def slower(toy: Repository) -> Repository:
    """A pull request that doubles a value, not yet committed."""
    toy.write("toy/__init__.py", TOY.format(factor=1))
    toy.commit("base", "benchmarks/suite.py", SUITE)
    toy.write("toy/__init__.py", TOY.format(factor=2) + NEW)
    return toy


def second_line(comparison: Comparison) -> str:
    return describe(comparison).lines[0]


def delete(toy: Repository) -> None:
    toy.write("benchmarks/suite.py", LESS)


def rename(toy: Repository) -> None:
    toy.write("benchmarks/suite.py", REPAIRED + "def track_sum():\n    return toy.new()\n")


def move(toy: Repository) -> None:
    toy.write("bench/__init__.py", "")
    toy.write("bench/suite.py", REPAIRED)
    toy.write("asv.conf.json", SETTINGS.format("bench"))


def spoil(toy: Repository) -> None:
    """Neither revision can import what HEAD makes of it."""
    toy.write("benchmarks/other.py", REPAIRED)
    toy.write("benchmarks/suite.py", f"import nowhere\n{SUITE}")


@pytest.mark.parametrize("change", [rename, move, spoil])
def test_removed_benchmark_of_slower_head_is_not_clean(
    slower: Repository, change: Callable[[Repository], None]
) -> None:
    """By HEAD's own settings, whatever those of the working tree say."""
    change(slower)
    slower.commit("head")
    slower.write("asv.conf.json", SETTINGS.format("elsewhere"))
    comparison = run("base", "head")
    assert "track_it" in rows(comparison)
    assert comparison.verdict == "inconclusive"
    assert "suite.track_total" in comparison.removed
    assert second_line(comparison).startswith("gone on HEAD: ")
    assert "suite.track_total" in second_line(comparison)
    assert slower.git("worktree", "list").count("\n") == 1


def test_removed_tells_new_from_works_again(slower: Repository) -> None:
    """The other one works again."""
    rename(slower)
    slower.commit("head")
    words = {name: verdict(row) for name, row in rows(run("base", "head")).items()}
    assert words == {"track_it": "works again", "track_sum": "new"}


# What keeps BASE's own suite from loading: files of BASE, and options.
UNKNOWN: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "its package raises": ({"benchmarks/__init__.py": "raise RuntimeError\n"}, {}),
    "its package ends the process": ({"benchmarks/__init__.py": "import os\nos._exit(0)\n"}, {}),
    "a conftest.py": ({"tests/conftest.py": "raise RuntimeError\n"}, {"pytest": "tests"}),
    "an import that does not end": ({"benchmarks/suite.py": "import time\ntime.sleep(100)\n"}, {}),
    "a runner that is lost": (
        {
            "benchmarks/__init__.py": "import contextlib, os\nfor n in range(3, 32):\n"
            "    with contextlib.suppress(OSError):\n"
            """        os.write(n, b'{"kind": "no runner"}\\n')\n"""
        },
        {},
    ),
}


@pytest.mark.parametrize("why", UNKNOWN)
def test_removed_unloadable_base_suite_is_not_empty(
    toy: Repository, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    """Whatever was asked for: nobody knows what it holds."""
    discover_own = Sides.discover_own

    def hurried(*arguments: Any) -> Discovery:
        with monkeypatch.context() as patched:
            patched.setattr(sides, "START_SECONDS", 1.0)
            return discover_own(*arguments)

    if why == "an import that does not end":
        monkeypatch.setattr(Sides, "discover_own", hurried)
    comparison = run("base", "head", **repaired(toy, why))
    assert comparison.verdict == "inconclusive"
    assert comparison.reason.startswith("BASE's own benchmarks could not be looked up: ")
    assert "" not in comparison.removed


def test_removed_unloadable_suite_may_be_allowed(toy: Repository) -> None:
    options = repaired(toy, "its package raises")
    assert run("base", "head", allow_removed=True, **options).verdict == "clean"


def repaired(toy: Repository, why: str) -> dict[str, Any]:
    """Commit a BASE whose own suite does not load and a HEAD whose does; return the options."""
    test = "def test_one(benchmark):\n    benchmark(sum, [1])\n"
    before, options = UNKNOWN[why]
    after = {"benchmarks/__init__.py": "", "benchmarks/suite.py": LESS, "tests/conftest.py": ""}
    for name, text in {"tests/test_toy.py": test, **before}.items():
        toy.write(name, text)
    toy.commit("base")
    for name in before:
        toy.write(name, after[name])
    toy.commit("head")
    return {"always": False, "benchmarks": "track_it|test_one", **options}


@pytest.mark.parametrize("moves", [False, True])
def test_settings_that_base_lacks_hide_nothing(toy: Repository, moves: bool) -> None:
    """As where git ignores them: HEAD's say where to look, if BASE has that."""
    toy.git("rm", "--quiet", "--cached", "asv.conf.json")
    toy.write(".gitignore", "/results/\n__pycache__/\n/asv.conf.json\n")
    toy.commit("base", "benchmarks/suite.py", SUITE.replace("toy.total", "toy.work"))
    if moves:
        move(toy)
        toy.write("toy/__init__.py", COUNTED + NEW)
        toy.git("rm", "--quiet", "-r", "benchmarks")
    else:
        delete(toy)
    toy.commit("head")
    comparison = run("base", "head", always=False)
    assert comparison.verdict == "inconclusive"
    assert comparison.removed == ([] if moves else ["suite.track_total"])


def test_removed_unloaded_module_counts_with_its_file(toy: Repository) -> None:
    """A helper that was repaired has no benchmarks, before and after."""
    toy.write("benchmarks/common.py", "import nowhere\n")
    toy.commit("base", "benchmarks/broken.py", f"import nowhere\n{LESS}")
    toy.write("benchmarks/common.py", "ONE = 1\n")
    toy.commit("repaired", "benchmarks/broken.py", LESS)
    toy.git("rm", "--quiet", "benchmarks/broken.py")
    toy.commit("deleted")
    repaired = run("base", "repaired", always=False)
    assert (repaired.verdict, repaired.removed) == ("clean", [])
    deleted = run("base", "deleted", always=False)
    assert (deleted.verdict, deleted.removed) == ("inconclusive", ["benchmarks.broken"])


def test_somebody_may_accept_it_and_is_still_told(toy: Repository) -> None:
    """By the option, or by a rule that BASE has already: HEAD cannot bring its own."""
    toy.write("toy/__init__.py", TOY.format(factor=1))
    toy.commit("base", "benchmarks/suite.py", SUITE)
    toy.commit("less", "benchmarks/suite.py", LESS)
    toy.write("benchmarks/suite.py", SUITE)
    toy.commit("rule", "pyproject.toml", RULE)
    toy.commit("head", "benchmarks/suite.py", LESS)
    by_option = run("base", "less", always=False, allow_removed=True)
    assert "--allow-removed" in by_option.reproduce
    for comparison in (by_option, run("rule", "head", always=False)):
        assert comparison.verdict == "clean"
        assert second_line(comparison) == "gone on HEAD: suite.track_total"


def test_removed_benchmark_blocks_same_code_answer(toy: Repository) -> None:
    """Else one pull request deletes it and the next one makes it slower.

    Only what was asked for can be gone.
    """
    toy.commit("base", "benchmarks/suite.py", SUITE.replace("toy.total", "toy.work"))
    # What it starts or reads is the same for both, too.
    edited = SUITE.replace("toy.total", "len(open(toy.__file__).read()) + os.system('') + toy.work")
    toy.commit("edited", "benchmarks/suite.py", f"import os\n{edited}")
    toy.commit("less", "benchmarks/suite.py", LESS)
    same = run("base", "edited", always=False)
    assert (same.verdict, same.removed, same.blocks) == ("clean", [], [])
    gone = run("base", "less", always=False)
    assert (gone.verdict, gone.removed, gone.blocks) == ("inconclusive", ["suite.track_total"], [])
    others = run("base", "less", benchmarks="track_it", always=False)
    assert (others.verdict, others.removed) == ("clean", [])


def test_removed_benchmark_leaves_regression(slower: Repository) -> None:
    """And says what is gone beside it. What broke is the soonest found."""
    delete(slower)
    slower.commit("head", "toy/__init__.py", TOY.format(factor=2) + "raise RuntimeError\n")
    comparison = run("base", "head")
    assert comparison.verdict == "regression"
    assert second_line(comparison) == "gone on HEAD: suite.track_total"


@pytest.mark.slow
def test_parameters_and_tests_of_pytest_can_be_gone_too(toy: Repository) -> None:
    asv = "import toy\n\ndef track_it(size):\n    return toy.work(size)\n\ntrack_it.params = [{}]\n"
    test = "def test_{}(benchmark):\n    benchmark(sum, [1])\n"
    toy.write("benchmarks/suite.py", asv.format("1, 1000"))
    toy.commit(
        "base", "tests/test_toy.py", f"import toy\n{test.format('one')}\n{test.format('two')}"
    )
    toy.write("benchmarks/suite.py", asv.format("1"))
    toy.commit("head", "tests/test_toy.py", f"import toy\n{test.format('one')}")
    assert run("base", "head", always=False).removed == ["suite.track_it(1000)"]
    comparison = run("base", "head", always=False, pytest="tests")
    assert comparison.removed == ["tests/test_toy.py::test_two"]


def test_removed_includes_benchmarks_hidden_by_head(slower: Repository) -> None:
    """One that is defined where the library has what it measures; what settings of pytest hide."""
    suite = SUITE.replace("def track_total", 'if hasattr(toy, "total"):\n  def track_total')
    slower.write("toy/__init__.py", TOY.format(factor=1))
    slower.commit("base", "benchmarks/suite.py", suite)
    slower.commit("head", "toy/__init__.py", COUNTED)
    comparison = run("base", "head")
    assert (comparison.verdict, comparison.removed) == ("inconclusive", ["suite.track_total"])
