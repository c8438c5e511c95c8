"""One repository with every kind of change, compared once: what each of them is called.

Its clock counts work, so nothing here depends on how fast or busy the machine is.
"""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from perceptron.records.comparison import Comparison, Row
from perceptron.report.pull_request.comment import comment
from perceptron.report.tables import comparison as table
from tests.conftest import ROOT
from tests.gate.conftest import COUNTED, Repository, command, rows, shared, variables

TOY = (
    COUNTED
    + """
HEAD = {head}

def loop(turns):
    for _ in range(turns):
        pass
"""
)
SUITE = """
import os
import random
import subprocess
import sys
import time
import toy
from toy import HEAD

# Drawn once in a process, from what the gate's seed decides and from the folder of the tree.
FOLDER = os.path.dirname(os.path.dirname(toy.__file__))
LOUD = random.Random(os.environ.get("PYTHONHASHSEED", "") + FOLDER[-1]).uniform(0.2, 5)

class Times:
    timer = staticmethod(toy.clock)
    warmup_time = 0

    def time_same(self):
        toy.work({same})

    def time_slower(self):
        toy.work(200 + 16 * HEAD)
        toy.loop(1200 if HEAD else 1000)

    def time_slower_alone(self):
        toy.work(200 + 16 * HEAD)

    def time_hardly_slower(self):
        toy.work(200 + 4 * HEAD)

    def time_faster(self):
        toy.work(200 - 20 * HEAD)

    def time_loud(self):
        toy.work(100 * LOUD)

    def time_few(self):
        toy.work(2000)
    time_few.number = 3

    def time_raises(self):
        toy.work(100)
        if HEAD:
            raise ValueError("two\\nlines")

    def time_exits(self):
        toy.work(100)
        if HEAD:
            os._exit(5)

    def time_is_killed(self):
        toy.work(100)
        if HEAD:
            os.kill(os.getpid(), 9)

    def time_leaves(self):
        toy.work(100)
        if HEAD:
            raise SystemExit(1)

    def time_hangs(self):
        # Asleep, so that no busy machine makes it take a fifth of its time-out where it works.
        toy.work(100)
        time.sleep(100 if HEAD else 0.02)
    time_hangs.timeout = 3

    def time_repaired(self):
        assert HEAD, "an old mistake"

    def time_broken_on_both(self):
        1 / 0

class Cached:
    params = ([1, 2], ["x", "y"])
    param_names = ["n", "letter"]
    timer = staticmethod(toy.clock)
    warmup_time = 0

    def setup_cache(self):
        return {{"factor": 150 if HEAD else 100}}

    def setup(self, cache, n, letter):
        if (n, letter) == (2, "y"):
            raise NotImplementedError("two y")
        self.left = 1

    def time_cached(self, cache, n, letter):
        assert self.left == 1, "every call finds fresh state"
        self.left -= 1
        toy.work(50 * cache["factor"] * n)
        time.sleep(0.01)  # else thousands of setups fill a batch

    def track_cached(self, cache, n, letter):
        return n * cache["factor"]

def peakmem_it():
    return bytearray(90_000_000 if HEAD else 60_000_000)

def track_from_nothing():
    return 1000 if HEAD else 0

def track_place():
    return len(toy.__file__)

def track_child():
    return int(subprocess.check_output([sys.executable, "-c", "import toy; print(2 + toy.HEAD)"]))
"""
MORE = "from toy.{module} import extra\n\ndef time_{module}():\n    extra()\n"
EXTRA = "def extra():\n    pass\n"
CONTRACT = {
    "benchmark",
    "params",
    "base_seconds",
    "head_seconds",
    "change",
    "low",
    "high",
    "p_adjusted",
    "verdict",
    "smallest_detectable",
}


@dataclass
class Ran:
    """What the command printed and left."""

    folder: Path
    code: int
    out: str
    err: str

    @property
    def comparison(self) -> Comparison:
        return msgspec.json.decode(self.out, type=Comparison)

    @property
    def rows(self) -> dict[str, Row]:
        return rows(self.comparison)


def make(folder: Path) -> None:
    toy = Repository(folder / "repository")
    toy.write("toy/__init__.py", TOY.format(head=0))
    toy.write("toy/lost.py", EXTRA)
    toy.write("benchmarks/suite.py", SUITE.format(same=500) + "\ndef time_gone(): pass\n")
    toy.commit("base")
    toy.write("toy/__init__.py", "# Moved by a line.\n" + TOY.format(head=1))
    toy.write("toy/lost.py", "")
    toy.write("toy/new.py", EXTRA)
    toy.write("benchmarks/suite.py", SUITE.format(same=100))
    toy.write("benchmarks/new.py", MORE.format(module="new"))
    toy.write("benchmarks/lost.py", MORE.format(module="lost"))
    toy.write("benchmarks/download.py", "raise OSError('no network')\n")
    toy.commit("head")
    toy.write("toy/__init__.py", "a syntax error that is not committed")


@pytest.fixture(scope="session")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    folder, lock = shared(tmp_path_factory, "every change")
    with lock:
        answer = folder / "answer.json"
        if not answer.exists():
            folder.mkdir()
            make(folder)
            extra = variables(folder)
            extra["PYTHONPATH"] += os.pathsep + str(ROOT)
            arguments = ("base", "head", "--count", "never", "--seed", "1", "--budget", "60")
            process = subprocess.run(
                command(*arguments, "--json", "--html", "", "--markdown", str(folder / "text.md")),
                cwd=folder / "repository",
                env={**os.environ, **extra},
                capture_output=True,
                text=True,
                check=False,
            )
            answer.write_text(json.dumps([process.returncode, process.stdout, process.stderr]))
        return Ran(folder, *json.loads(answer.read_text()))


def test_one_slower_benchmark_makes_a_regression_with_exit_code_1(ran: Ran) -> None:
    assert ran.code == 1, ran.err
    assert ran.comparison.verdict == "regression"
    assert "Traceback" not in ran.err


VERDICTS = {
    "time_same": "no change",
    "time_slower": "regression",
    "time_slower_alone": "regression",
    "time_hardly_slower": "no change",
    "time_faster": "improvement",
    "time_loud": "inconclusive",
    "time_few": "no change",
    "time_raises": "regression",
    "time_exits": "regression",
    "time_is_killed": "regression",
    "time_leaves": "regression",
    "time_hangs": "regression",
    "time_repaired": "improvement",
    "time_broken_on_both": "invalid",
    "time_cached 1 'x'": "regression",
    "time_cached 1 'y'": "regression",
    "time_cached 2 'x'": "regression",
    "track_cached 1 'x'": "regression",
    "track_cached 1 'y'": "regression",
    "track_cached 2 'x'": "regression",
    "peakmem_it": "regression",
    "track_from_nothing": "inconclusive",
    "track_place": "no change",
    "track_child": "regression",
    "time_new": "improvement",
    "time_lost": "regression",
}


def test_every_change_has_its_verdict_and_spoils_no_other(ran: Ran) -> None:
    """What is gone on HEAD is not there: its benchmarks serve both."""
    assert {name: row.verdict for name, row in ran.rows.items()} == VERDICTS


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("time_same", 0.0),
        ("time_slower", 0.08),
        ("time_slower_alone", 0.08),
        ("time_hardly_slower", 0.02),
        ("time_faster", -0.1),
        ("time_few", 0.0),
        ("time_cached 1 'x'", 0.5),
        ("track_cached 2 'x'", 0.5),
        ("track_child", 0.5),
        ("track_place", 0.0),
    ],
)
def test_the_change_is_its_size(ran: Ran, name: str, change: float) -> None:
    """A benchmark is charged its own time; its processes run their own tree, whose path is as long
    in either folder."""
    row = ran.rows[name]
    assert row.change == pytest.approx(change, abs=1e-6)
    assert (row.low, row.high) == pytest.approx((change, change), abs=1e-6)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("time_raises", "broke on HEAD: ValueError: two lines"),
        ("time_exits", "its process exited with 5"),
        ("time_is_killed", "SIGKILL"),
        ("time_leaves", "it ended the process"),
        ("time_hangs", "no answer within 3 s"),
        ("time_lost", "broke on HEAD: ImportError"),
        ("time_repaired", "works on HEAD only: on BASE: AssertionError: an old mistake"),
        ("time_new", "works on HEAD only"),
        ("time_broken_on_both", "fails on both: ZeroDivisionError"),
        ("track_from_nothing", "from 0 to 1000"),
        ("time_loud", "too noisy"),
    ],
)
def test_what_has_no_size_has_a_reason(ran: Ran, name: str, reason: str) -> None:
    row = ran.rows[name]
    assert reason in (row.reason or "")
    assert "\n" not in (row.reason or "")


def test_heads_benchmarks_serve_both(ran: Ran) -> None:
    assert ran.rows["time_same"].base_seconds == pytest.approx(100e-6)
    assert "time_gone" not in ran.rows


def test_each_type_has_its_unit(ran: Ran) -> None:
    """The peak is the benchmark's, not that of the process which started it."""
    peak, track, time = (ran.rows[name] for name in ("peakmem_it", "track_child", "time_slower"))
    assert peak.unit == "bytes"
    assert 60e6 < (peak.base or 0) < 100e6
    assert (peak.head or 0) - (peak.base or 0) == pytest.approx(30e6, rel=0.1)
    assert (track.base, track.head, track.base_seconds) == (2, 3, None)
    assert (time.unit, time.base_seconds) == ("seconds", pytest.approx(200e-6))
    assert (time.file, time.line) == ("benchmarks/suite.py", 21)


def test_what_was_left_out_says_why(ran: Ran) -> None:
    """A module that does not load, and what its author skips."""
    left_out = {row.benchmark: row.reason for row in ran.comparison.plan.left_out}
    assert left_out.keys() == {
        "benchmarks.download",
        "suite.Cached.time_cached(2, 'y')",
        "suite.Cached.track_cached(2, 'y')",
    }
    assert "no network" in left_out.pop("benchmarks.download")
    assert all("two y" in reason for reason in left_out.values())


def test_what_became_slower_names_the_function_that_does_more(ran: Ran) -> None:
    """With HEAD's line."""
    slower, alone = ran.rows["time_slower"], ran.rows["time_slower_alone"]
    [loop] = slower.why
    assert (loop.function, loop.file, loop.unit) == ("loop", "toy/__init__.py", "bytecodes")
    assert loop.line == TOY[: TOY.index("def loop")].count("\n") + 2
    assert loop.head == pytest.approx(1.2 * loop.base, rel=0.02)
    assert (alone.why, "the same bytecodes" in (alone.why_not or "")) == ([], True)
    assert ran.rows["time_raises"].why_not is None


def test_trees_take_turns_in_the_folders_and_base_is_tried_first(ran: Ran) -> None:
    """So head is spared what is too slow on base."""
    blocks = ran.comparison.blocks
    assert {block.stage for block in blocks} == {"calibration", "screen", "confirmation"}
    assert {tuple(block.order) for block in blocks if block.stage == "calibration"} == {
        ("base", "head")
    }
    screen = [block for block in blocks if block.stage == "screen"]
    assert {block.sides["base"] for block in screen} == {"a", "b"}
    assert {block.order[0] for block in screen} == {"base", "head"}
    elapsed = [block.elapsed_seconds for block in blocks]
    assert elapsed == sorted(elapsed)


def test_base_is_judged_against_a_second_copy_of_itself(ran: Ran) -> None:
    control = ran.comparison.control
    assert not control.alarmed
    assert "suite.Times.time_slower" in {row.benchmark for row in control.rows}
    assert all(abs(row.change) < 0.01 for row in control.rows)


def test_the_document_keeps_the_contract(ran: Ran) -> None:
    document = json.loads(ran.out)
    assert {"verdict", "rows", "control", "plan", "environment", "moved_crossovers"} <= set(
        document
    )
    assert all(row.keys() >= CONTRACT for row in document["rows"])
    assert not {"NaN", "Infinity"} & set(ran.out.replace(",", " ").split())
    assert document["plan"]["seed"] == 1
    assert "--seed 1" in document["reproduce"]
    if Path("/proc/self/schedstat").exists():
        assert ran.rows["time_same"].waited is not None


def test_what_is_not_committed_is_a_warning_and_not_compared(ran: Ran) -> None:
    assert [warning.code for warning in ran.comparison.warnings] == ["not committed"]


def test_nothing_is_left_but_results(ran: Ran) -> None:
    """No checkout, and git knows of none; the blocks lie where the document says."""
    listed = subprocess.run(
        ["git", "worktree", "list"], cwd=ran.folder / "repository", capture_output=True, text=True
    )
    assert listed.stdout.count("\n") == 1
    assert list((ran.folder / "cache" / "perceptron").iterdir()) == []
    kept = ran.folder / "repository" / ran.comparison.results / "blocks.jsonl"
    assert len(kept.read_bytes().splitlines()) == len(ran.comparison.blocks)


def test_terminal_and_comment_name_what_became_slower(
    ran: Ran, capsys: pytest.CaptureFixture[str]
) -> None:
    table.show(ran.comparison)
    shown = capsys.readouterr().out
    text = (ran.folder / "text.md").read_text()
    assert text == comment(ran.comparison, html=None)
    for name in ("time_slower", "time_raises", "time_lost"):
        assert name in text
        assert name in shown
    assert "no network" in text
