"""From two commits to the function that does more, and to the commit with which that began.

What is counted does not depend on any clock; that of the suite is made up.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import pytest

from perceptron.errors import UserError
from perceptron.gate.checkout.request import CompareRequest
from perceptron.gate.compare import compare
from perceptron.gate.counting import valgrind as valgrind_module
from perceptron.gate.counting.valgrind import Valgrind
from perceptron.gate.reasons import bisect, explain, looking
from perceptron.gate.verdict.rule import Rule
from perceptron.records.comparison import Comparison, Growth, Row
from perceptron.records.profile import Profile
from tests.gate.conftest import FEWEST, Repository

valgrind = pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is not installed")

# A loop without calls, and compiled work; the clock says how much of both there was.
TOY = """
NOW = 0.0
TABLE = bytes(range(256))
TEXT = bytes({text})

def loop(turns):
    total = 0.0
    for number in range(turns):
        total += 0.5 * number
    return total

def translated():
    return TEXT.translate(TABLE)

def work(amount):
    global NOW
    NOW += {seconds}
    for _ in range(10):
        loop({turns})
    return translated()

def clock():
    return NOW
"""
SUITE = """
import toy

class Counted:
    timer = staticmethod(toy.clock)

    def time_one(self):
        toy.work(1)
"""


def code(turns: int = 1000, text: int = 10_000, seconds: float = 1e-3) -> str:
    return TOY.format(turns=turns, text=text, seconds=seconds)


@pytest.fixture
def project(toy: Repository, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """One benchmark over Python's code and compiled code, and time enough on any machine."""
    for module in (explain, bisect):
        monkeypatch.setattr(module, "_LEAST_SECONDS", 3600.0)
    monkeypatch.setattr(looking, "_PATIENCE", 100.0)
    monkeypatch.setattr(valgrind_module, "LONGEST_SECONDS", 3600.0)
    toy.write(".gitignore", "results/\n__pycache__/\n")
    toy.write("toy/__init__.py", code())
    toy.write("benchmarks/suite.py", SUITE)
    toy.commit("base")
    return toy


def run(head: str = "head", **options: object) -> Comparison:
    request = CompareRequest(
        "base",
        head,
        results=Path("results"),
        seed=1,
        **{"count": "always", "budget_minutes": 60.0, **options},  # type: ignore[arg-type]
    )
    return compare(request, lambda *_: None, Rule(**FEWEST, look=5))


def only_row(comparison: Comparison) -> Row:
    [row] = comparison.rows
    return row


def level(row: Row, name: str) -> list[Growth]:
    return [growth for growth in row.why if growth.level == name]


def profiles(comparison: Comparison) -> list[Profile]:
    file = Path(comparison.results) / "profiles.jsonl"
    return msgspec.json.Decoder(Profile).decode_lines(file.read_bytes())


@valgrind
def test_a_loop_that_turns_more_often_names_its_function(project: Repository) -> None:
    """Although no function is called more often."""
    project.write("toy/__init__.py", "\n" + code(turns=1050, seconds=1.05e-3))
    project.commit("head")
    row = only_row(run())
    assert (row.verdict, row.why_not) == ("regression", None)
    [loop] = level(row, "python")
    assert (loop.function, loop.file, loop.line) == ("loop", "toy/__init__.py", 7)
    assert (loop.base_calls, loop.head_calls, loop.unit) == (10, 10, "bytecodes")
    assert loop.head - loop.base == pytest.approx(loop.base * 0.05, rel=0.01)
    first, *_ = level(row, "c")
    assert "Eval" in first.function or first.head > first.base
    assert first.unit == "instructions"


@valgrind
def test_compiled_work_names_the_compiled_function(project: Repository) -> None:
    """Python's code is the same, and what executes more is inside one function of the library."""
    project.write("toy/__init__.py", code(text=40_000, seconds=1.1e-3))
    project.commit("head")
    comparison = run()
    row = only_row(comparison)
    assert (row.verdict, row.why_not) == ("regression", None)
    assert level(row, "python") == []
    first, *_ = level(row, "c")
    assert "translate" in first.function
    assert first.head == pytest.approx(4 * first.base, rel=0.01)
    assert (first.base_calls, first.head_calls) == (1, 1)
    assert first.file is not None
    assert "/" not in first.file
    [profile] = profiles(comparison)
    assert profile.base == profile.head


def test_without_valgrind_the_functions_of_python_are_named(project: Repository) -> None:
    """And the profile holds all that was counted, each stack once, with HEAD's lines."""
    project.write("toy/__init__.py", "\n" + code(turns=500, seconds=0.5e-3))
    project.commit("head")
    comparison = run(count="never")
    row = only_row(comparison)
    assert (row.verdict, row.why_not) == ("improvement", None)
    [loop] = row.why
    assert (loop.function, loop.line) == ("loop", 7)
    [profile] = profiles(comparison)
    assert profile.benchmark == "suite.Counted.time_one"
    named = [[profile.frames[index].function for index in stack] for stack in profile.stacks]
    assert named == [["Counted.time_one", "work"], ["Counted.time_one", "work", "loop"]]
    assert (profile.base[1], profile.head[1]) == (loop.base, loop.head)
    again = run(count="never")
    assert only_row(again).why == row.why
    assert profiles(again) == [profile]


def test_what_waits_longer_executes_no_more_and_says_so(project: Repository) -> None:
    project.write("toy/__init__.py", code(seconds=1.5e-3))
    project.commit("head")
    row = only_row(run(count="never"))
    assert (row.verdict, row.why) == ("regression", [])
    assert "the same bytecodes" in (row.why_not or "")


@valgrind
def test_the_same_work_is_not_looked_into(project: Repository) -> None:
    project.write("toy/__init__.py", code(seconds=1.5e-3))
    project.commit("head")
    comparison = run()
    row = only_row(comparison)
    assert (row.verdict, row.why, row.stands_on) == ("regression", [], "time")
    assert "its work is the same" in (row.why_not or "")
    assert profiles(comparison) == []


MANY = """
import toy

class Counted:
    timer = staticmethod(toy.clock)
    params = [1, 2]

    def setup_cache(self):
        return [1000]

    def time_cached(self, values, times):
        toy.NOW += 1e-3 * times * toy.FACTOR
        toy.loop(int(values[0] * times * toy.FACTOR))

class Broken:
    timer = staticmethod(toy.clock)

    def time_broken(self):
        toy.work(1)
        if toy.FACTOR > 1:
            raise ValueError("broken")
"""


def test_every_set_of_parameters_has_its_reason_and_what_breaks_none(project: Repository) -> None:
    project.write("benchmarks/suite.py", MANY)
    project.write("toy/__init__.py", code() + "\nFACTOR = 1\n")
    project.git("tag", "--delete", "base")
    project.commit("base")
    project.write("toy/__init__.py", code() + "\nFACTOR = 1.2\n")
    project.commit("head")
    comparison = run(count="never")
    cached = [row for row in comparison.rows if row.params]
    assert [row.verdict for row in cached] == ["regression"] * 2
    for row in cached:
        [loop] = row.why
        assert (loop.function, row.why_not) == ("loop", None)
        assert loop.head == pytest.approx(1.2 * loop.base, rel=0.01)
    assert len(profiles(comparison)) == 2
    [broken] = [row for row in comparison.rows if not row.params]
    assert (broken.why, broken.why_not) == ([], None)
    assert "broken" in (broken.reason or "")


CACHED = """
import toy

class Counted:
    timer = staticmethod(toy.clock)

    def setup_cache(self):
        with open({file!r}, "a") as file:
            file.write("made\\n")
        return [1000]

    def time_cached(self, values):
        toy.work(values[0])
"""


def test_what_setup_cache_returned_is_not_made_again_to_explain(project: Repository) -> None:
    """It may take longer than there is time for reasons."""
    file = project.folder.parent / "made"
    project.write("benchmarks/suite.py", CACHED.format(file=str(file)))
    project.write("toy/__init__.py", code(turns=1100, seconds=1.1e-3))
    project.commit("head")
    run(count="never", reasons=False)
    without = len(file.read_text().splitlines())
    row = only_row(run(count="never"))
    assert [own.function for own in row.why] == ["loop"]
    assert len(file.read_text().splitlines()) == 2 * without


def test_a_history_without_a_common_commit_is_said_before_anything_is_measured(
    project: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a shallow clone; a verdict that was reached would be lost."""
    monkeypatch.setattr(
        "perceptron.gate.compare.find_valgrind", lambda _: (Valgrind("valgrind", "3.24"), [])
    )
    project.git("checkout", "--quiet", "--orphan", "other")
    project.commit("head")
    with pytest.raises(UserError, match=r"^--bisect: .*no commit in common here: fetch"):
        run(bisect=True)
    assert not Path("results").exists()


TWO = """
import toy

class Counted:
    timer = staticmethod(toy.clock)

    def time_one(self):
        toy.work(1)

    def time_two(self):
        toy.other()
"""
OTHER = """
def other():
    global NOW
    NOW += 1e-3
    for _ in range({turns}):
        loop(1000)
"""


@valgrind
def test_bisect_finds_the_commit_of_each_benchmark(project: Repository) -> None:
    """Past one at which nothing runs; HEAD's benchmarks serve all, and nothing is left behind."""
    project.write("toy/__init__.py", code() + OTHER.format(turns=10))
    project.git("tag", "--delete", "base")
    project.commit("base")
    project.commit("first-of-them")
    project.write("toy/__init__.py", code() + OTHER.format(turns=12))
    project.commit("two-is-slower")
    project.write("toy/__init__.py", "raise ImportError\n")
    project.commit("broken")
    project.write("toy/__init__.py", "# Repaired.\n" + code() + OTHER.format(turns=12))
    project.commit("repaired")
    project.write("toy/__init__.py", code(turns=1100) + OTHER.format(turns=12))
    project.commit("one-is-slower")
    project.write("benchmarks/suite.py", TWO)
    project.commit("head")
    comparison = run(bisect=True)
    found = {row.benchmark.rpartition("_")[2]: row.introduced_by for row in comparison.rows}
    for name, tag in (("one", "one-is-slower"), ("two", "two-is-slower")):
        introduced = found[name]
        assert introduced is not None, comparison.rows
        assert introduced.subject == tag
        assert introduced.commit == project.git("rev-parse", tag).strip()
    assert "--bisect" in comparison.reproduce
    assert len(project.git("worktree", "list").splitlines()) == 1


@valgrind
def test_what_the_working_tree_adds_is_found_too(project: Repository) -> None:
    project.commit("next")
    project.write("toy/__init__.py", code(turns=1100))
    introduced = only_row(run(".", bisect=True)).introduced_by
    assert introduced is not None
    assert (introduced.commit, "working tree" in introduced.subject) == (".", True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"count": "never"}, "nothing is counted here"),
        ({"installed": True, "base_python": "a", "head_python": "b"}, "leave --installed out"),
        ({"count": "auto", "build": True}, "leave --build out"),
    ],
)
def test_bisect_needs_counts_and_trees(
    project: Repository, options: dict[str, object], message: str
) -> None:
    project.commit("head")
    with pytest.raises(UserError, match=f"--bisect: .*{message}"):
        run(bisect=True, **options)
