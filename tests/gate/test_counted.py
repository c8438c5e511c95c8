"""From two commits to a verdict by counted work, under the real valgrind: every kind, once.

The clock of the suite is made up, so nothing here depends on how fast or busy the machine is; nor
on chance: its noise is drawn once in a process, from what the gate's own seed decides.
"""

from __future__ import annotations

import shutil

import msgspec
import pytest

from perceptron.records.comparison import Comparison, Growth, Row
from tests.gate.conftest import SHORT, Repository, once, rows, run, stand_in, unwatch

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is not installed"),
]

# Work that a count sees. The clock of `work` goes up to 21 times as fast in one process as in
# another: the hash seed is the block's, and the tree's folder tells its sides apart. That of
# `quiet` is exact.
TOY = (
    SHORT
    + """
import os
import random
NOW = 0.0
FOLDER = os.path.basename(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PACE = 1 + random.Random(os.environ.get("PYTHONHASHSEED", "") + FOLDER).uniform(0, 20)
HEAD = {head}
TABLE = bytes(range(256))
TEXT = bytes(40_000 if HEAD else 10_000)

def work(units):
    quiet(units, units * PACE)

def quiet(units, passed):
    global NOW
    NOW += passed * 1e-6
    loop(units)

def nap():
    quiet(100, {passed})

def loop(turns):
    total = 0.0
    for _ in range(turns):
        for number in range(20):  # none that is made anew: how is the memory's own affair
            total += 0.5 * number

def translated():
    return TEXT.translate(TABLE)

def clock():
    return NOW
"""
)
SUITE = """
import random
import toy
from toy import HEAD

VALUES = [random.random() for _ in range(random.randrange(500, 1500))]

class Counted:
    timer = staticmethod(toy.clock)
    warmup_time = 0

    def time_more(self):
        toy.work(len(VALUES) // 100 * (50 + HEAD))

    def time_little(self):
        toy.NOW += 1e-4

    def time_waits(self):
        toy.nap()

    def time_compiled(self):
        toy.quiet(10, 100 + 10 * HEAD)
        toy.translated()

class Drawn:
    timer = staticmethod(toy.clock)
    warmup_time = 0

    def setup_cache(self):
        return random.randrange(100, 200)

    def setup(self, known):
        self.drawn = random.randrange(100, 200)

    def time_drawn(self, known):
        sorted(VALUES, key=lambda value: -value)
        toy.work(known + self.drawn)
"""


def commit(toy: Repository) -> None:
    """Benchmarks of all kinds, and what changes them."""
    toy.write("toy/__init__.py", TOY.format(head=0, passed=100))
    toy.commit("first", "benchmarks/suite.py", SUITE)
    toy.commit("second", "toy/__init__.py", "# Moved by a line.\n" + TOY.format(head=1, passed=150))


@pytest.fixture(scope="session")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    def compared() -> bytes:
        with pytest.MonkeyPatch.context() as monkeypatch:
            unwatch(monkeypatch)
            monkeypatch.delenv("PYTHONHASHSEED", raising=False)  # it would go before the gate's
            commit(stand_in(tmp_path_factory.mktemp("counted"), monkeypatch))
            return msgspec.json.encode(run(count="always", budget_minutes=600.0))

    return msgspec.json.decode(once(tmp_path_factory, "counted", compared), type=Comparison)


def level(row: Row, name: str) -> list[Growth]:
    return [growth for growth in row.why if growth.level == name]


def test_counted_changes_have_verdict_and_evidence(counted: Comparison) -> None:
    """Where the clock could see nothing, the count does, also over random inputs that nobody seeds:
    both sides draw the same, at import, for a cache and in a setup, and so do two rounds."""
    assert counted.verdict == "regression"
    assert {name: (row.verdict, row.evidence) for name, row in rows(counted).items()} == {
        "time_more": ("slower", "work"),
        "time_little": ("no change", "both"),
        "time_waits": ("slower", "time"),
        "time_compiled": ("slower", "both"),
        "time_drawn": ("no change", "work"),
    }
    assert counted.environment.counter
    assert counted.plan.seeded
    assert "--count always" in counted.reproduce


def test_counted_instructions_exclude_counting(counted: Comparison) -> None:
    """And nothing of what counting itself executes."""
    little = rows(counted)["time_little"].instructions
    assert little is not None
    assert little.base < 2000
    for name, change in {"time_more": 0.02, "time_waits": 0.0, "time_drawn": 0.0}.items():
        instructions = rows(counted)[name].instructions
        assert instructions is not None, rows(counted)[name].not_counted
        assert instructions.change == pytest.approx(change, abs=0.003 if change else 0.001)
        assert instructions.noise < 0.005


def test_counted_rise_names_its_functions(counted: Comparison) -> None:
    """A loop that turns more often, although nothing is called more often; compiled work, although
    Python's code is the same."""
    more, compiled = rows(counted)["time_more"], rows(counted)["time_compiled"]
    assert (more.why_not, compiled.why_not) == (None, None)
    [loop] = level(more, "python")
    assert (loop.function, loop.file, loop.unit) == ("loop", "toy/__init__.py", "bytecodes")
    assert (loop.base_calls, loop.head_calls) == (1, 1)
    assert loop.head == pytest.approx(1.02 * loop.base, rel=0.01)
    assert level(more, "c")[0].unit == "instructions"
    assert level(compiled, "python") == []
    first, *_ = level(compiled, "c")
    assert "translate" in first.function
    assert first.head == pytest.approx(4 * first.base, rel=0.01)
    assert (first.base_calls, first.head_calls) == (1, 1)
    assert "/" not in (first.file or "/")


def test_counted_same_work_names_edited_function(counted: Comparison) -> None:
    """No count says more."""
    row = rows(counted)["time_waits"]
    assert [(function.function, function.edited) for function in row.why] == [("nap", True)]
    assert "its work is the same" in (row.why_not or "")
