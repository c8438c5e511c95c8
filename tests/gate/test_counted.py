"""From two commits to a verdict by counted work, under the real valgrind.

The clock of the suite is made up, so nothing here depends on how fast or busy the machine is; nor
on chance: its noise is drawn once in a process, from what the gate's own seed decides.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from perceptron.gate.checkout.request import CompareRequest
from perceptron.gate.compare import compare
from perceptron.gate.counting import rounds as counting_rounds
from perceptron.gate.verdict.rule import Rule
from perceptron.records.comparison import Comparison, Row
from tests.gate.conftest import FEWEST, Repository

pytestmark = pytest.mark.skipif(
    shutil.which("valgrind") is None, reason="valgrind is not installed"
)

# Work that a count sees, on a clock that goes up to 1 + NOISE times as fast in one process as in
# another. The hash seed is the block's, and the tree's folder tells its arms apart.
TOY = """
import os
import random
NOW = 0.0
NOISE = {noise}
FOLDER = os.path.basename(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PACE = 1 + random.Random(os.environ.get("PYTHONHASHSEED", "") + FOLDER).uniform(0, NOISE)

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
SUITE = """
import os
import random
import toy

VALUES = [random.random() for _ in range(random.randrange(500, 1500))]
UNDER_VALGRIND = "vgpreload" in os.environ.get("LD_PRELOAD", "")

class Counted:
    timer = staticmethod(toy.clock)

    def time_one(self):
        toy.work({one})

    def time_drawn(self):
        sorted(VALUES, key=lambda value: -value)
        toy.work(len(VALUES) // 10)
"""
CRASHES = """
    def time_crash(self):
        if UNDER_VALGRIND:
            os.kill(os.getpid(), 11)
        toy.work(100)
"""
HANGS = """
    def time_hang(self):
        while UNDER_VALGRIND:
            pass
        toy.work(100)
"""
UNLIKE = """
    def time_unlike(self):
        toy.work(50 + 20 * int(os.environ["PROCESS"]))
"""
# Each interpreter takes the next number, and draws what this decides if nobody seeds it.
NUMBERING = """
import itertools
import os
import random

def is_mine(number):
    try:
        os.mkdir(os.path.join({folder!r}, str(number)))
    except FileExistsError:
        return False
    return True

number = next(filter(is_mine, itertools.count()))
os.environ["PROCESS"] = str(number)
random.seed(number)
"""


@pytest.fixture
def noisy(toy: Repository, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """Two benchmarks, one over random inputs that nobody seeds, on a clock that says nothing."""
    monkeypatch.delenv("PYTHONHASHSEED", raising=False)  # the user's would go before the gate's
    toy.write(".gitignore", "results/\n__pycache__/\n")
    toy.write("toy/__init__.py", TOY.format(noise=20))
    toy.write("benchmarks/suite.py", SUITE.format(one=100))
    toy.commit("base")
    return toy


def run(head: str = "head", **options: object) -> Comparison:
    request = CompareRequest(
        "base",
        head,
        results=Path("results"),
        seed=1,
        **{"count": "always", **options},  # type: ignore[arg-type]
    )
    return compare(request, lambda *_: None, Rule(**FEWEST, look=5))


def rows(comparison: Comparison) -> dict[str, Row]:
    return {row.benchmark.rpartition("time_")[2]: row for row in comparison.rows}


def test_a_comment_is_clean_where_the_clock_could_see_nothing(noisy: Repository) -> None:
    """Also for a benchmark over random inputs: both sides draw the same."""
    noisy.write("toy/__init__.py", "# A comment.\n" + TOY.format(noise=20))
    noisy.commit("head")
    comparison = run()
    assert comparison.verdict == "clean", comparison.reason
    for row in comparison.rows:
        assert (row.verdict, row.stands_on) == ("no change", "work")
        assert row.work is not None
        assert abs(row.work.change) < 0.001
    assert comparison.environment.counter
    assert comparison.plan.seeded


def test_two_per_cent_more_work_in_one_of_them_is_found(noisy: Repository) -> None:
    """In every round: the first, another layout of memory, other draws."""
    slower = TOY.format(noise=20).replace(
        "range(units)", "range(units + (2 if units == 100 else 0))"
    )
    noisy.write("toy/__init__.py", slower)
    noisy.commit("head")
    comparison = run()
    assert comparison.verdict == "regression", comparison.reason
    one = rows(comparison)["one"]
    assert (one.verdict, one.stands_on) == ("regression", "work")
    assert one.work is not None
    assert one.work.change == pytest.approx(0.02, abs=0.003)
    assert one.work.noise < 0.005
    assert rows(comparison)["drawn"].verdict == "no change"
    rounds = {block.number for block in comparison.blocks if block.stage == "count"}
    assert rounds >= {0, 1, 2}  # more where draws differ by what the layout of memory adds
    assert "--count always" in comparison.reproduce


def test_more_work_that_the_clock_contradicts_is_shown_and_no_regression(
    noisy: Repository,
) -> None:
    noisy.write("toy/__init__.py", TOY.format(noise=0.001))
    noisy.commit("quiet")
    busier = TOY.format(noise=0.001).replace("range(units)", "range(units + units // 10)")
    noisy.write("toy/__init__.py", busier)
    noisy.commit("head")
    comparison = compare(
        CompareRequest("quiet", "head", results=Path("results"), benchmarks="one", count="always"),
        lambda *_: None,
        Rule(**FEWEST, look=5),
    )
    [row] = comparison.rows
    assert (comparison.verdict, row.verdict) == ("clean", "no change")
    assert row.work is not None
    assert row.work.change > 0.05
    assert "work rose by" in (row.reason or "")


@pytest.mark.parametrize(("body", "why"), [(CRASHES, "SIGSEGV"), (HANGS, "no answer within")])
def test_what_only_fails_under_valgrind_is_left_to_the_clock(
    noisy: Repository, monkeypatch: pytest.MonkeyPatch, body: str, why: str
) -> None:
    """It is no failure of HEAD, and the others are counted."""
    monkeypatch.setattr(counting_rounds, "LONGEST_SECONDS", 5.0)
    noisy.write("toy/__init__.py", TOY.format(noise=0.001))
    noisy.write("benchmarks/suite.py", SUITE.format(one=100) + body)
    noisy.commit("base2")
    noisy.git("tag", "--force", "base")
    noisy.commit("head")
    comparison = run()
    assert comparison.verdict == "clean", comparison.reason
    special = rows(comparison)["crash" if body == CRASHES else "hang"]
    assert (special.verdict, special.work, special.stands_on) == ("no change", None, "time")
    assert why in (special.not_counted or "")
    one = rows(comparison)["one"]
    assert one.work is not None, one.not_counted


@pytest.fixture
def numbered(noisy: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """The same where no two processes are alike, and that by no chance."""
    folder = tmp_path / "numbered"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(NUMBERING.format(folder=str(folder)))
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=":")
    return noisy


def test_what_does_not_repeat_cannot_be_counted_and_says_so(numbered: Repository) -> None:
    noisy = numbered
    noisy.write("benchmarks/suite.py", SUITE.format(one=100) + UNLIKE)
    noisy.commit("base2")
    noisy.git("tag", "--force", "base")
    noisy.commit("head")
    comparison = run(benchmarks="unlike|one")
    unlike = rows(comparison)["unlike"]
    assert unlike.work is None
    assert "not repeatable" in (unlike.not_counted or "")
    assert unlike.stands_on == "time"
    assert rows(comparison)["one"].work is not None


def test_without_seeds_two_draws_are_two_amounts_of_work(numbered: Repository) -> None:
    numbered.commit("head")
    comparison = run(benchmarks="drawn", seeded=False)
    [row] = comparison.rows
    assert "not repeatable" in (row.not_counted or "")
    assert "--no-seed" in comparison.reproduce


@pytest.fixture
def guarded(noisy: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """The same on a system that lets no process execute what it has written."""
    folder = tmp_path / "guarded"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(
        "import mmap\n"
        "before = mmap.mmap\n"
        "def guarded(*place, prot=3, **named):\n"
        "    if prot & 4:\n"
        "        raise PermissionError(13, 'Permission denied')\n"
        "    return before(*place, prot=prot, **named)\n"
        "mmap.mmap = guarded\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=":")
    return noisy


def test_a_system_without_executable_memory_is_left_to_the_clock(guarded: Repository) -> None:
    noisy = guarded
    noisy.write("toy/__init__.py", TOY.format(noise=0.001))
    noisy.commit("base2")
    noisy.git("tag", "--force", "base")
    noisy.commit("head")
    comparison = run()
    assert comparison.verdict == "clean"
    assert {row.not_counted for row in comparison.rows} == {
        "this system allows no executable memory (Permission denied)"
    }


CACHED = """
import random
import toy

random.seed(42)

class First:
    timer = staticmethod(toy.clock)

    def setup_cache(self):
        return [random.random() for _ in range(random.randrange(100, 200))]

    def time_first(self, values):
        assert isinstance(values, list)
        toy.work(len(values))

class Second:
    timer = staticmethod(toy.clock)

    def setup_cache(self):
        return {random.randrange(10**9): None for _ in range(80)}

    def setup(self, known):
        self.drawn = random.randrange(100, 200)

    def time_second(self, known):
        assert isinstance(known, dict)
        toy.work(len(known))
        toy.more(self.drawn)
"""


def test_caches_and_draws_are_the_same_for_both_and_in_every_process(noisy: Repository) -> None:
    """A module seeds itself, two setup_caches draw, a setup draws, and one of two changes: what is
    counted alone in the second round draws as it did beside the other in the first."""
    noisy.write("toy/__init__.py", TOY.format(noise=20) + "\n\nmore = work\n")
    noisy.write("benchmarks/suite.py", CACHED)
    noisy.commit("base2")
    noisy.git("tag", "--force", "base")
    busier = "\n\ndef more(units):\n    return work(units + units // 10)\n"
    noisy.write("toy/__init__.py", TOY.format(noise=20) + busier)
    noisy.commit("head")
    comparison = run()
    first, second = rows(comparison)["first"], rows(comparison)["second"]
    assert (first.verdict, first.not_counted) == ("no change", None)
    assert first.work is not None
    assert abs(first.work.change) < 0.001
    assert second.work is not None, second.not_counted
    assert 0.04 < second.work.change < 0.08
    assert second.verdict == "regression"
    assert second.work.noise < 0.005
