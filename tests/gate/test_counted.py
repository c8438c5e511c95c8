"""From two commits to a verdict by counted work, under the real valgrind: every kind, once.

The clock of the suite is made up, so nothing here depends on how fast or busy the machine is; nor
on chance: its noise is drawn once in a process, from what the gate's own seed decides.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import pytest

from perceptron.records.block import Block
from perceptron.records.comparison import Comparison, Growth, Row
from tests.gate.conftest import Interrupted, Repository, rows, run, shared, until

pytestmark = pytest.mark.skipif(
    shutil.which("valgrind") is None, reason="valgrind is not installed"
)

# Work that a count sees. The clock of `work` goes up to 21 times as fast in one process as in
# another: the hash seed is the block's, and the tree's folder tells its arms apart. That of `quiet`
# is exact.
TOY = """
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
SUITE = """
import os
import random
import toy
from toy import HEAD

random.seed(42)
VALUES = [random.random() for _ in range(random.randrange(500, 1500))]
UNDER_VALGRIND = "vgpreload" in os.environ.get("LD_PRELOAD", "")

class Counted:
    timer = staticmethod(toy.clock)
    warmup_time = 0

    def time_more(self):
        toy.work(100 + 2 * HEAD)

    def time_drawn(self):
        sorted(VALUES, key=lambda value: -value)
        toy.work(len(VALUES) // 10)

    def time_contradicted(self):
        toy.quiet(100 + 10 * HEAD, 100)

    def time_waits(self):
        toy.quiet(100, 100 + 50 * HEAD)

    def time_compiled(self):
        toy.quiet(10, 100 + 10 * HEAD)
        toy.translated()

    def time_crash(self):
        if UNDER_VALGRIND:
            os.kill(os.getpid(), 11)
        toy.quiet(100, 100)

    def time_unlike(self):
        toy.quiet(50 + 20 * int(os.environ["PROCESS"]), 100)

class Second:
    timer = staticmethod(toy.clock)
    warmup_time = 0

    def setup_cache(self):
        return {random.randrange(10**9): None for _ in range(80)}

    def setup(self, known):
        self.drawn = random.randrange(100, 200)

    def time_second(self, known):
        assert isinstance(known, dict)
        toy.work(len(known) + self.drawn + HEAD * self.drawn // 10)
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
def project(toy: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """Benchmarks of all kinds, whose processes are each unlike any other."""
    numbered = tmp_path / "numbered"
    numbered.mkdir()
    (numbered / "sitecustomize.py").write_text(NUMBERING.format(folder=str(numbered)))
    monkeypatch.setenv("PYTHONPATH", str(numbered), prepend=":")
    monkeypatch.delenv("PYTHONHASHSEED", raising=False)  # the user's would go before the gate's
    toy.write("toy/__init__.py", TOY.format(head=0))
    toy.write("benchmarks/suite.py", SUITE)
    toy.commit("first")
    toy.write("toy/__init__.py", "# Moved by a line.\n" + TOY.format(head=1))
    toy.commit("second")
    return toy


@pytest.fixture
def counted(project: Repository, tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    kept, lock = shared(tmp_path_factory, "counted.json")
    with lock:
        if not kept.exists():
            comparison = run(count="always", budget_minutes=600.0)
            kept.write_bytes(msgspec.json.encode(comparison))
        return msgspec.json.decode(kept.read_bytes(), type=Comparison)


def level(row: Row, name: str) -> list[Growth]:
    return [growth for growth in row.why if growth.level == name]


def test_every_change_has_its_verdict_and_what_it_stands_on(counted: Comparison) -> None:
    """Where the clock could see nothing, the count does, also over random inputs that nobody seeds:
    both sides draw the same, and so do two rounds, whatever else a process counts."""
    assert counted.verdict == "regression"
    found = {name: (row.verdict, row.stands_on) for name, row in rows(counted).items()}
    assert found.pop("time_unlike")[1] == "time"
    assert found == {
        "time_more": ("regression", "work"),
        "time_drawn": ("no change", "work"),
        "time_contradicted": ("no change", "time"),
        "time_waits": ("regression", "time"),
        "time_compiled": ("regression", "both"),
        "time_crash": ("no change", "time"),
        "time_second": ("regression", "work"),
    }
    assert counted.environment.counter
    assert counted.plan.seeded
    assert "--count always" in counted.reproduce


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("time_more", 0.017, 0.023),
        ("time_drawn", -0.001, 0.001),
        ("time_contradicted", 0.05, 0.11),
        ("time_waits", -0.001, 0.001),
        ("time_second", 0.04, 0.08),
    ],
)
def test_the_count_is_the_work(counted: Comparison, name: str, least: float, most: float) -> None:
    work = rows(counted)[name].work
    assert work is not None, rows(counted)[name].not_counted
    assert least < work.change < most
    assert work.noise < 0.005


@pytest.mark.parametrize(
    ("name", "why"), [("time_crash", "SIGSEGV"), ("time_unlike", "not repeatable")]
)
def test_what_cannot_be_counted_is_left_to_the_clock(
    counted: Comparison, name: str, why: str
) -> None:
    """What only fails under valgrind is no failure of HEAD."""
    row = rows(counted)[name]
    assert row.work is None
    assert why in (row.not_counted or "")


def test_more_work_that_the_clock_contradicts_is_said(counted: Comparison) -> None:
    assert "work rose by" in (rows(counted)["time_contradicted"].reason or "")


def test_what_does_more_names_its_functions(counted: Comparison) -> None:
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


def test_the_same_work_is_not_looked_into(counted: Comparison) -> None:
    row = rows(counted)["time_waits"]
    assert (row.why, "its work is the same" in (row.why_not or "")) == ([], True)


def test_without_seeds_two_draws_are_two_amounts_of_work(project: Repository) -> None:
    project.write("benchmarks/suite.py", SUITE.replace("random.seed(42)\n", ""))
    project.commit("second")
    with pytest.raises(Interrupted):
        run(
            count="always",
            benchmarks="drawn",
            seeded=False,
            progress=until("trying every benchmark"),
        )
    [file] = Path("results/gate").glob("*/blocks.jsonl")
    first, again = msgspec.json.Decoder(Block).decode_lines(file.read_bytes())[:2]
    counts = [block.base.instructions or 0 for block in (first, again)]
    assert counts[0] != pytest.approx(counts[1], rel=0.005)
