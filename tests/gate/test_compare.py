"""From two commits to a verdict, on a small suite whose clock counts work instead of seconds."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from perceptron.errors import UserError
from perceptron.gate import fingerprint
from perceptron.gate.checkout.request import CompareRequest
from perceptron.gate.compare import compare
from perceptron.gate.journal import ComparisonRun
from perceptron.gate.stages import Progress
from perceptron.gate.verdict.rule import Rule
from perceptron.records.comparison import Comparison, Row
from perceptron.report.pull_request.comment import comment
from tests.gate.conftest import COUNTED, FEWEST, FOUR, Repository

QUICK = Rule(**FEWEST)


def silent(done: int, total: int, message: str) -> None:
    assert 0 <= done <= total, message


@pytest.fixture
def counted(toy: Repository) -> Repository:
    """The small repository, in which results are no change of the working tree."""
    toy.write(".gitignore", "results/\n__pycache__/\n")
    toy.git("tag", "--delete", "first")
    toy.commit("first")
    return toy


def run(base: str = "first", head: str = "second", **options: object) -> Comparison:
    options = {"results": Path("results"), "seed": 1, "count": "never", **options}
    return compare(CompareRequest(base, head, **options), silent, QUICK)  # type: ignore[arg-type]


def rows(comparison: Comparison) -> dict[str, Row]:
    return {row.benchmark.split(".")[-1]: row for row in comparison.rows}


def assert_gone(toy: Repository, tmp_path: Path) -> None:
    """No checkout is left, and git knows of none."""
    assert toy.git("worktree", "list").count("\n") == 1
    assert list((tmp_path / "cache" / "perceptron").iterdir()) == []


def test_a_comment_changes_nothing(counted: Repository, tmp_path: Path) -> None:
    counted.write("toy/__init__.py", COUNTED + "# a comment\n")
    counted.commit("second")
    comparison = run()
    assert comparison.verdict == "clean"
    assert {row.verdict for row in comparison.rows} == {"no change"}
    assert len(comparison.rows) == 4
    if Path("/proc/self/schedstat").exists():
        assert all(row.waited is not None for row in comparison.rows)
    assert_gone(counted, tmp_path)


def test_eight_per_cent_in_one_benchmark_of_four_are_found(
    counted: Repository, tmp_path: Path
) -> None:
    """And reported with what is needed to show it: where it is defined, how to do it again."""
    slower = COUNTED.replace("amount * 1e-6", "amount * (1.08 if amount == 200 else 1) * 1e-6")
    counted.write("toy/__init__.py", slower)
    counted.commit("second")
    comparison = run()
    assert comparison.verdict == "regression"
    assert [row.benchmark for row in comparison.rows if row.verdict != "no change"] == [
        "suite.Counted.time_two"
    ]
    row = rows(comparison)["time_two"]
    assert row.change == pytest.approx(0.08)
    assert row.base_seconds == pytest.approx(200e-6)
    assert (row.file, row.line) == ("benchmarks/suite.py", 10)
    assert comparison.control.rows[0].change == pytest.approx(0)
    assert "--seed 1" in comparison.reproduce
    assert {block.stage for block in comparison.blocks} == {"calibration", "screen", "confirmation"}
    assert_gone(counted, tmp_path)
    assert msgspec.convert(msgspec.to_builtins(comparison), type=Comparison) == comparison


def test_heads_benchmarks_serve_both(counted: Repository) -> None:
    """A benchmark that was changed measures the same thing on both revisions."""
    counted.write("benchmarks/suite.py", FOUR.format(one=500))
    counted.commit("second")
    comparison = run(benchmarks="one")
    assert comparison.verdict == "clean"
    assert rows(comparison)["time_one"].base_seconds == pytest.approx(500e-6)


def test_what_is_not_committed_is_compared_when_asked_for(counted: Repository) -> None:
    """Changed and new files count, ignored ones do not; a deleted one is gone."""
    slower = "from toy.more import FACTOR\n" + COUNTED.replace("* 1e-6", "* FACTOR * 1e-6")
    counted.write("toy/gone.py", "")
    counted.commit("second")
    counted.write("toy/__init__.py", slower)
    counted.write(
        "toy/more.py",
        "import importlib.util\nFACTOR = 1.2\n"
        "assert importlib.util.find_spec('toy.gone') is None\n"
        "assert importlib.util.find_spec('toy.ignored') is None\n",
    )
    (counted.folder / "toy" / "gone.py").unlink()
    counted.write("toy/ignored.py", "")
    counted.write(".git/info/exclude", "ignored.py\n")
    comparison = run(head=".", benchmarks="two")
    assert rows(comparison)["time_two"].change == pytest.approx(0.2)
    assert comparison.plan.head.changes is not None


def test_a_dirty_tree_is_a_warning_and_not_compared(counted: Repository) -> None:
    counted.commit("second")
    counted.write("toy/__init__.py", "syntax error")
    comparison = run(benchmarks="two")
    assert comparison.verdict == "clean"
    assert [warning.code for warning in comparison.warnings] == ["not committed"]


BREAKING = {
    "raises": ("raise ValueError('two\\nlines')", "ValueError: two lines"),
    "exits": ("import os; os._exit(5)", "its process exited with 5"),
    "is killed": ("import os; os.kill(os.getpid(), 9)", "SIGKILL"),
    "leaves": ("raise SystemExit(1)", "it ended the process"),
    "hangs": ("import time; time.sleep(100)", "no answer within 1 s"),
}


@pytest.mark.usefixtures("traced")
@pytest.mark.parametrize("how", BREAKING)
def test_what_breaks_on_head_only_is_a_finding_and_costs_nothing_else(
    counted: Repository, tmp_path: Path, how: str
) -> None:
    statement, reason = BREAKING[how]
    suite = FOUR.format(one=100).replace("    timer", "    timeout = 1\n    timer")
    counted.write("benchmarks/suite.py", suite)
    broken = COUNTED.replace(
        "    global", f"    if amount == 200:\n        {statement}\n    global"
    )
    counted.write("toy/__init__.py", broken)
    counted.commit("second")
    comparison = run(benchmarks="two|four")
    assert comparison.verdict == "regression"
    assert reason in (rows(comparison)["time_two"].reason or "")
    assert rows(comparison)["time_four"].verdict == "no change"
    assert_gone(counted, tmp_path)


def test_what_breaks_on_base_only_is_good_news(counted: Repository) -> None:
    broken = COUNTED.replace("    global", "    assert amount != 200\n    global")
    counted.write("toy/__init__.py", broken)
    counted.commit("second")
    back = run(base="second", head="first", benchmarks="two|four")
    assert (back.verdict, rows(back)["time_two"].verdict) == ("clean", "improvement")


def test_what_breaks_on_both_is_invalid_and_the_others_are_judged(counted: Repository) -> None:
    counted.write("benchmarks/suite.py", FOUR.format(one="1 / 0"))
    counted.commit("second")
    comparison = run(benchmarks="one|four")
    assert (comparison.verdict, rows(comparison)["time_one"].verdict) == ("clean", "invalid")


def test_a_head_that_does_not_import_broke_everything(counted: Repository) -> None:
    counted.write("toy/__init__.py", "syntax error")
    counted.commit("second")
    comparison = run()
    assert comparison.verdict == "regression"
    assert "SyntaxError" in (comparison.rows[0].reason or "")


@pytest.mark.usefixtures("traced")
def test_a_base_that_does_not_import_is_one_line(counted: Repository, tmp_path: Path) -> None:
    counted.write("toy/__init__.py", "import nowhere")
    counted.commit("second")
    with pytest.raises(UserError, match=r"BASE cannot be imported: .*nowhere"):
        run(base="second", head="first")
    assert_gone(counted, tmp_path)


def test_a_new_benchmark_has_no_base_and_spoils_nothing(counted: Repository) -> None:
    """Its module imports what only HEAD has."""
    counted.write("toy/more.py", "def extra():\n    pass\n")
    counted.write(
        "benchmarks/more.py", "from toy.more import extra\n\ndef time_more():\n    extra()\n"
    )
    counted.commit("second")
    comparison = run(benchmarks="more|two")
    assert comparison.verdict == "clean"
    assert "works on HEAD only" in (rows(comparison)["time_more"].reason or "")
    assert rows(comparison)["time_two"].verdict == "no change"


class Interrupted(Exception):
    pass


def until(stop: str) -> Progress:
    """Run as far as this."""

    def report(_done: int, _total: int, message: str) -> None:
        if message == stop:
            raise Interrupted

    return report


def test_a_run_that_was_cut_short_resumes_where_it_stopped(
    counted: Repository, tmp_path: Path
) -> None:
    """Every block is measured once, in the order of the one seed, and nothing is left behind."""
    counted.write("toy/__init__.py", COUNTED.replace("1e-6", "1.1e-6"))
    counted.commit("second")

    kept: list[bytes] = []
    for stop in ("screen, block 3", "confirmation, block 2"):
        with pytest.raises(Interrupted):
            compare(CompareRequest("first", "second", benchmarks="one|two"), until(stop), QUICK)
        assert_gone(counted, tmp_path)
        (file,) = Path("results/gate").glob("*/blocks.jsonl")
        lines = file.read_bytes().splitlines()
        assert lines[: len(kept)] == kept
        assert len(lines) > len(kept)
        kept = lines
        with file.open("ab") as unfinished:
            unfinished.write(b'{"stage": "scr')
    comparison = compare(CompareRequest("first", "second", benchmarks="one|two"), silent, QUICK)
    assert comparison.verdict == "regression"
    takes = {(b.stage, b.number, b.benchmark, b.take) for b in comparison.blocks}
    assert len(takes) == len(comparison.blocks)
    assert [msgspec.json.encode(block) for block in comparison.blocks][: len(kept)] == kept
    elapsed = [block.elapsed_seconds for block in comparison.blocks]
    assert elapsed == sorted(elapsed)
    with pytest.raises(Interrupted):
        compare(
            CompareRequest("first", "second", benchmarks="one|two"),
            until("trying every benchmark"),
            QUICK,
        )
    assert len(list(Path("results/gate").iterdir())) == 2, "what was finished begins again"


def test_what_other_code_measured_is_not_resumed(
    counted: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An upgrade between two starts would mix two ways of timing."""
    counted.commit("second")
    with pytest.raises(Interrupted):
        compare(
            CompareRequest("first", "second", benchmarks="one"), until("screen, block 3"), QUICK
        )
    monkeypatch.setattr(fingerprint, "digest", lambda: "another")
    compare(CompareRequest("first", "second", benchmarks="one"), silent, QUICK)
    assert len(list(Path("results/gate").glob("*/blocks.jsonl"))) == 2


def test_a_suite_that_imports_late_resumes_too(counted: Repository) -> None:
    """That its tree was imported is known from before."""
    counted.write(
        "benchmarks/suite.py", "def track_it():\n    import toy\n    return toy.work(1)\n"
    )
    counted.commit("second")
    with pytest.raises(Interrupted):
        compare(CompareRequest("first", "second"), until("screen, block 3"), QUICK)
    assert compare(CompareRequest("first", "second"), silent, QUICK).verdict == "clean"


def test_an_arm_that_runs_somebody_elses_code_is_refused(counted: Repository) -> None:
    """Here the suite itself goes to the checkout that the user works in."""
    path = f"import sys\nsys.meta_path.clear()\nsys.path.insert(0, {str(counted.folder)!r})\n"
    finder = "import importlib.machinery as m\nsys.meta_path.append(m.PathFinder)\n"
    counted.write("benchmarks/suite.py", path + finder + FOUR.format(one=100))
    counted.commit("second")
    with pytest.raises(UserError, match=r"imported toy from .*/toy/__init__.py, which is not"):
        run()


def test_a_suite_that_imports_nothing_of_its_tree_is_refused(counted: Repository) -> None:
    counted.write("benchmarks/suite.py", "def time_it():\n    pass\n")
    counted.commit("second")
    with pytest.raises(UserError, match="import no module of its tree"):
        run()


def test_an_installed_copy_loses_against_the_tree(
    counted: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an editable install of the checkout would have it first."""
    counted.write("toy/__init__.py", COUNTED.replace("1e-6", "1.5e-6"))
    counted.commit("second")
    monkeypatch.setenv("PYTHONPATH", str(counted.folder))
    assert rows(run(benchmarks="two"))["time_two"].change == pytest.approx(0.5)


MANY_KINDS = """
import toy

class Cached:
    params = ([1, 2], ["x", "y"])
    param_names = ["n", "letter"]
    timer = staticmethod(toy.clock)

    def setup_cache(self):
        return {"factor": toy.FACTOR}

    def setup(self, cache, n, letter):
        if (n, letter) == (2, "y"):
            raise NotImplementedError("two y")
        self.left = 1

    def time_it(self, cache, n, letter):
        assert self.left == 1, "every call finds fresh state"
        self.left -= 1
        toy.work(cache["factor"] * n)
        sum(range(100_000))  # long enough for a few calls, with their setups, to fill a batch

    def track_it(self, cache, n, letter):
        return n * cache["factor"]

def peakmem_it():
    return bytearray(60_000_000 * toy.FACTOR // 100)

def track_place():
    return len(toy.__file__)

def track_child():
    import subprocess, sys
    return int(subprocess.check_output([sys.executable, "-c", "import toy; print(toy.FACTOR)"]))

def time_slow():
    toy.work(1)
time_slow.timer = toy.clock
time_slow.number = 3
"""


@pytest.mark.usefixtures("traced")
def test_every_kind_of_benchmark_is_measured(counted: Repository) -> None:
    """Parameters, setup, setup_cache, skipping, tracked numbers, peak memory."""
    counted.write("toy/__init__.py", COUNTED + "FACTOR = 100\n")
    counted.write("benchmarks/suite.py", MANY_KINDS)
    counted.git("tag", "--delete", "first")
    counted.commit("first")
    counted.write("toy/__init__.py", COUNTED + "FACTOR = 150\n")
    counted.commit("second")
    comparison = run()
    judged = {(row.benchmark.split(".")[-1], *row.params): row for row in comparison.rows}
    for key in (("time_it", "1", "'x'"), ("track_it", "2", "'x'"), ("peakmem_it",)):
        assert judged[key].verdict == "regression", key
    assert judged["time_it", "1", "'x'"].change == pytest.approx(0.5)
    assert judged["track_it", "2", "'x'"].base == 200
    # What a benchmark starts itself runs the arm's tree too.
    assert judged[("track_child",)].base == 100
    assert judged[("track_child",)].head == 150
    # The peak is the benchmark's, not that of the process which started it.
    assert judged[("peakmem_it",)].unit == "bytes"
    assert 60e6 < (judged[("peakmem_it",)].base or 0) < 100e6
    # Whichever folder an arm's tree lies in, its path is as long.
    assert judged[("track_place",)].change == 0
    assert judged[("time_slow",)].verdict == "no change"
    assert ("time_it", "2", "'y'") not in judged
    skipped = [left for left in comparison.plan.left_out if "two y" in left.reason]
    assert [left.benchmark for left in skipped] == [
        "suite.Cached.time_it(2, 'y')",
        "suite.Cached.track_it(2, 'y')",
    ]


SLEPT_SECONDS, IMPORT_SECONDS = 0.1, 1000.0
# It sleeps a moment, which counts for the process, and by the clock of the program that takes so
# long that no busy machine makes a benchmark take as long.
SLOW_IMPORT = f"""
import time

time.sleep({SLEPT_SECONDS})
now = time.perf_counter
time.perf_counter = lambda: now() + {IMPORT_SECONDS}
"""
LATE = """
import os
import toy

class Late:
    timer = staticmethod(toy.clock)

    def setup_cache(self):
        with open(os.environ["MADE"], "a") as made:
            made.write("x")
        return 1

    def setup(self, cache):
        import toy.library

    def time_it(self, cache):
        toy.work(100)
        sum(range(100_000))  # long enough for a few calls, with their setups, to fill a batch
"""


@pytest.mark.usefixtures("traced")
def test_what_is_imported_late_is_a_cost_of_processes_and_caches_are_made_again(
    counted: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The benchmark is charged its own time; each stage draws what setup_cache draws; base is
    tried first, so that head is spared what is too slow there."""
    monkeypatch.setenv("MADE", str(tmp_path / "made"))
    counted.write("toy/library.py", SLOW_IMPORT)
    counted.write("benchmarks/suite.py", LATE)
    counted.git("tag", "--delete", "first")
    counted.commit("first")
    counted.write("toy/__init__.py", COUNTED.replace("1e-6", "1.2e-6"))
    counted.commit("second")
    comparison = run(benchmarks="Late")
    assert comparison.verdict == "regression"
    tried = [block for block in comparison.blocks if block.stage == "calibration"]
    assert [block.order for block in tried] == [["base", "head"]]
    readings = [reading for block in tried for reading in (block.base, block.head)]
    assert all(reading.wall_seconds < IMPORT_SECONDS for reading in readings)
    assert all(reading.setup_seconds < IMPORT_SECONDS for reading in readings)
    (file,) = Path("results/gate").glob("*/run.json")
    kept = msgspec.json.decode(file.read_bytes(), type=ComparisonRun)
    assert (kept.start_seconds or 0) > SLEPT_SECONDS
    assert (tmp_path / "made").read_text() == "x" * (2 + 3)  # the look for reasons makes none


def test_trees_take_turns_in_the_folders(counted: Repository) -> None:
    counted.commit("second")
    screen = [block for block in run(benchmarks="two").blocks if block.stage == "screen"]
    assert {block.sides["base"] for block in screen} == {"a", "b"}
    assert {block.order[0] for block in screen} == {"base", "head"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"base": "nowhere"}, "unknown revision 'nowhere'"),
        ({"head": "--upload-pack=x"}, "no revision '--upload-pack=x'"),
        ({"suite": Path("none.json")}, "--suite none.json: no such file"),
        ({"benchmarks": "("}, "no regular expression"),
        ({"benchmarks": "zzz"}, "none of the 4 matches"),
        ({"head_python": "/nowhere/python"}, "/nowhere/python: cannot be started"),
        ({"budget_minutes": 0.001}, "not enough for 5 blocks"),
    ],
)
def test_wrong_usage_is_one_line(
    counted: Repository, tmp_path: Path, options: dict[str, object], message: str
) -> None:
    counted.commit("second")
    with pytest.raises(UserError) as caught:
        run(**options)  # type: ignore[arg-type]
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    if (tmp_path / "cache").exists():
        assert_gone(counted, tmp_path)


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("[1]", "one JSON object"),
        ("{", "not asv's JSON"),
        ("[" * 200_000, "not asv's JSON: nested too deeply"),
        ('{"benchmark_dir": 3}', "benchmark_dir must be text"),
        ('{"benchmark_dir": "../x"}', "leads out of the repository"),
        ('{"benchmark_dir": "."}', "must be a folder inside"),
        ('{"benchmark_dir": "none"}', "none is not in second"),
        ('{"benchmark_dir": "toy"}', "the suite has no benchmarks"),
    ],
)
def test_a_configuration_that_makes_no_sense_is_one_line(
    counted: Repository, file: str, message: str
) -> None:
    counted.write("asv.conf.json", file)
    counted.commit("second")
    with pytest.raises(UserError, match=r"asv.conf.json|no benchmarks") as caught:
        run()
    assert message in str(caught.value)


def test_no_repository_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(UserError, match="no git repository"):
        run()


SCRIPTED = """
import __main__
import contextlib
import os
import toy

# What a process waits is made up: on HEAD the third that is judged does in all samples, the fourth
# in one; and a call that waits takes twice as long.
SAMPLES = 0
NUMBER = len(toy.__doc__ or "") and os.path.getsize(os.environ["STARTED"])
if toy.__doc__:
    with open(os.environ["STARTED"], "a") as started:
        started.write("x")
WAITED = 0.0

@contextlib.contextmanager
def meter():
    global SAMPLES
    SAMPLES += 1
    yield lambda: WAITED

__main__.waiting.waiting_meter = meter

def time_it():
    global WAITED
    hit = NUMBER == 4 or (NUMBER == 6 and SAMPLES == 2)
    WAITED += 1.0 if hit else 0.0
    toy.work(200 if hit else 100)
time_it.timer = toy.clock
"""


@pytest.mark.usefixtures("traced")
def test_what_waited_is_measured_again_and_changes_nothing(
    counted: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = tmp_path / "started"
    started.touch()
    monkeypatch.setenv("STARTED", str(started))
    counted.write("benchmarks/suite.py", SCRIPTED)
    counted.write("toy/__init__.py", '"""Head."""\n' + COUNTED)
    counted.commit("second")
    comparison = run()
    (row,) = comparison.rows
    assert (row.verdict, row.retaken, row.disturbed) == ("no change", 1, 1)
    assert row.change == pytest.approx(0)
    (again,) = [block for block in comparison.blocks if block.take]
    first, last = (block for block in comparison.blocks if block.number == again.number)
    assert (first.head.value or 0) / (last.head.value or 1) == pytest.approx(2)
    assert (first.head.waited or 0) > 1
    assert last.head.waited == 0
    (dropped,) = [block.head for block in comparison.blocks if block.head.dropped]
    assert dropped.dropped[0] / dropped.samples[0] == pytest.approx(2)
    assert len(dropped.samples) == 5


UNTOLD = """
import __main__
import contextlib
import toy

@contextlib.contextmanager
def meter():
    yield lambda: None

__main__.waiting.waiting_meter = meter

def time_it():
    toy.work(100)
time_it.timer = toy.clock
"""


def test_where_waiting_is_unknown_the_document_and_the_comment_say_so(counted: Repository) -> None:
    """As on macOS, where the gate takes nothing again."""
    counted.write("benchmarks/suite.py", UNTOLD)
    counted.write("toy/__init__.py", '"""Head."""\n' + COUNTED)
    counted.commit("second")
    comparison = run()
    (row,) = comparison.rows
    assert (row.verdict, row.waited, row.disturbed) == ("no change", None, None)
    assert [warning.code for warning in comparison.warnings] == ["waiting unknown"]
    assert "waited for a core is not known" in comment(comparison)
