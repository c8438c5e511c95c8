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
from tests.conftest import ROOT
from tests.gate.conftest import COUNTED, FEWEST, Repository, command, once, rows, variables, write
from tests.watching import PROCESSES

pytestmark = pytest.mark.slow

TOY = (
    COUNTED
    + """
HEAD = {head}

def caller():
    loop({turns})

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
import helper
import toy
from toy import HEAD
from importlib import metadata

class Times:
    timer = staticmethod(toy.clock)
    warmup_time = 0

    def time_same(self):
        toy.work({same})

    def time_slower(self):
        toy.work(200 + 16 * HEAD)
        toy.caller()

    def time_slower_alone(self):
        toy.work(200 + 16 * HEAD)

    def time_faster(self):
        toy.work(200 - 20 * HEAD)

    def time_raises(self):
        toy.work(100)
        if HEAD:
            raise ValueError("two\\nlines")

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
        with open(os.environ["MADE"], "a") as made:
            made.write("x")
        return {{"factor": 150 if HEAD else 100}}

    def setup(self, cache, n, letter):
        if letter == "y":
            raise NotImplementedError("no y")
        self.left = 1

    def time_cached(self, cache, n, letter):
        assert self.left == 1, "every call finds fresh state"
        self.left -= 1
        toy.work(50 * cache["factor"] * n)
        time.sleep(0.01)  # else thousands of setups fill a batch

class Few:
    timer = staticmethod(toy.clock)
    warmup_time = 0
    number = 3

    def setup(self):
        self.calls = 0

    def time_few(self):
        self.calls += 1
        toy.work(100 * self.calls)

def peakmem_it():
    return bytearray(90_000_000 if HEAD else 60_000_000)

def track_from_nothing():
    return 1000 if HEAD else 0

def track_place():
    return len(toy.__file__)

def track_drawn():
    return hash("toy") % 97 + random.random()

def track_child():
    return int(subprocess.check_output([sys.executable, "-c", "import toy; print(2 + toy.HEAD)"]))

def track_version():
    # BASE's project is installed; that of HEAD is not, and its version would be computed.
    return len(metadata.version("new" if HEAD else "toy"))

def track_opens():
    open(toy.__file__ + ".json")

def timeraw_import():
    return "from toy import library"

async def time_async():
    pass
"""
# Modules of the suite that do not load, on either revision, and what is said of each.
FAILING = {
    "imports": ("import toy; from toy import nothing", "(toy/__init__.py)"),
    "download": ("raise OSError('no network')", "OSError: no network"),
    "leaves": ("raise SystemExit('not here')", "SystemExit: not here"),
    "skips": ("import pytest; pytest.skip('no GPU', allow_module_level=True)", "no GPU"),
    "dies": ("import os; os._exit(5)", "its process exited with 5"),
    "is_none": ("class A:\n    def __init__(self): 1 / 0\n    def time_a(self): 0", "Zero"),
    "deep/__init__": ("raise OSError('no network')", "OSError: no network"),
}
SKIPPED = {
    "Cached.time_cached(1, 'y')": "NotImplementedError",
    "Cached.time_cached(2, 'y')": "NotImplementedError",
    "timeraw_import": "timeraw_ is not measured",
    "time_async": "it is async",
}
MORE = "from toy.{module} import extra\n\ndef time_{module}():\n    extra()\n"
EXTRA = "def extra():\n    pass\n"


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
    """What is not committed is a syntax error, for whoever imports the checkout."""
    toy = Repository(folder / "repository")
    toy.write("toy/__init__.py", TOY.format(head=0, turns=1000))
    toy.write("toy/lost.py", EXTRA)
    toy.write("pyproject.toml", '[project]\nname = "toy"\nversion = "1.0.1"\n')
    toy.commit("base", "benchmarks/suite.py", SUITE.format(same=500) + "\ndef time_gone(): pass\n")
    toy.write("toy/__init__.py", "# Moved by a line.\n" + TOY.format(head=1, turns=1200))
    toy.write("toy/lost.py", "")
    toy.write("pyproject.toml", '[project]\nname = "new"\ndynamic = ["version"]\n')
    toy.write("toy/new.py", EXTRA)
    toy.write("benchmarks/suite.py", SUITE.format(same=100))
    toy.write("benchmarks/new.py", MORE.format(module="new"))
    toy.write("benchmarks/lost.py", MORE.format(module="lost"))
    for name, (statement, _) in FAILING.items():
        toy.write(f"benchmarks/{name}.py", statement + "\n")
    toy.commit("head")
    toy.write("toy/__init__.py", "a syntax error that is not committed")


def install(folder: Path, *names: str) -> None:
    """Have these be found as installed, in some version."""
    for name in names:
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 9.9\n"
        write(folder / f"{name}-9.9.dist-info" / "METADATA", metadata)
    (folder / "helper.py").touch()


@pytest.fixture(scope="session")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    def answer() -> bytes:
        folder = tmp_path_factory.mktemp("every change")
        make(folder)
        extra = {**variables(folder), "MADE": str(folder / "made")}
        install(Path(extra["PYTHONPATH"]), "toy", "helper")
        # The checkout too, as an editable install has it.
        paths = (extra["PYTHONPATH"], str(folder / "repository"), str(ROOT))
        extra["PYTHONPATH"] = os.pathsep.join(paths)
        arguments = ("base", "head", "--count", "never", "--seed", "1", "--budget", "60")
        process = subprocess.run(
            command(*arguments, "--json", "--html", ""),
            cwd=folder / "repository",
            env={
                **{name: os.environ[name] for name in os.environ if name not in PROCESSES},
                **extra,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        outcome = [str(folder), process.returncode, process.stdout, process.stderr]
        return json.dumps(outcome).encode()

    folder, *outcome = json.loads(once(tmp_path_factory, "every change", answer))
    return Ran(Path(folder), *outcome)


# The verdict on each, and by how much it changed, or why that has no size. A peak is no exact one.
EXPECTED: dict[str, tuple[str, float | str | None]] = {
    "time_same": ("no change", 0.0),
    "time_slower": ("slower", 0.08),
    "time_slower_alone": ("slower", 0.08),
    "time_faster": ("faster", -0.1),
    "time_raises": ("slower", "broke on HEAD: ValueError: two lines"),
    "time_is_killed": ("slower", "SIGKILL"),
    "time_leaves": ("slower", "it ended the process"),
    "time_hangs": ("slower", "no answer within 3 s"),
    "time_repaired": ("faster", "works on HEAD only: on BASE: AssertionError: an old mistake"),
    "time_broken_on_both": ("invalid", "fails on both: ZeroDivisionError"),
    "time_cached 1 'x'": ("slower", 0.5),
    "time_cached 2 'x'": ("slower", 0.5),
    "time_few": ("no change", 0.0),
    "peakmem_it": ("slower", None),
    "track_from_nothing": ("slower", "from 0 to 1000"),
    "track_place": ("no change", 0.0),
    "track_drawn": ("no change", 0.0),
    "track_child": ("slower", 0.5),
    "track_version": ("slower", (len("9999") - len("9.9")) / len("9.9")),
    "track_opens": ("invalid", "No such file or directory: 'toy/__init__.py.json'"),
    "time_new": ("faster", "works on HEAD only"),
    "time_lost": ("slower", "broke on HEAD: ImportError"),
}


def test_every_change_has_independent_verdict(ran: Ran) -> None:
    """What is gone on HEAD is not there: its benchmarks serve both."""
    assert ran.code == 1, ran.err
    assert ran.comparison.verdict == "regression"
    assert "Traceback" not in ran.err
    verdicts = {name: verdict for name, (verdict, _) in EXPECTED.items()}
    assert {name: row.verdict for name, row in ran.rows.items()} == verdicts


def test_every_change_has_size_or_reason(ran: Ran) -> None:
    """A benchmark is charged its own time; its processes run their own tree, whose path is as long
    in either folder; both sides draw and hash the same. A project that is not installed has the
    metadata of its files."""
    for name, (_, size) in EXPECTED.items():
        row = ran.rows[name]
        if isinstance(size, str):
            assert size in (row.reason or ""), name
            assert "\n" not in (row.reason or "")
        elif size is not None:
            assert (row.change, row.low, row.high) == pytest.approx((size,) * 3, abs=1e-6), name


def test_every_change_types_have_unit_and_values(ran: Ran) -> None:
    """Of HEAD's benchmarks on both. The peak is the benchmark's, not that of the process which
    started it; the author fixed how many calls follow each setup."""
    peak, track, time = (ran.rows[name] for name in ("peakmem_it", "track_child", "time_slower"))
    assert peak.unit == "bytes"
    assert 60e6 < (peak.base or 0) < 100e6
    assert (peak.head or 0) - (peak.base or 0) == pytest.approx(30e6, rel=0.1)
    assert (track.base, track.head, track.base_seconds) == (2, 3, None)
    assert (time.unit, time.base_seconds) == ("seconds", pytest.approx(200e-6))
    assert (time.file, time.line) == ("benchmarks/suite.py", 19)
    assert ran.rows["time_same"].base_seconds == pytest.approx(100e-6)
    few = ran.rows["time_few"]
    assert (few.base_seconds, few.head_seconds) == pytest.approx((200e-6, 200e-6))


def test_every_change_skipped_benchmark_has_reason(ran: Ran) -> None:
    """What its author skips, what has no time of its own, and a module that does not load: it costs
    itself alone, and a package all that is in it. Files are named as their user knows them."""
    expected = {f"suite.{name}": reason for name, reason in SKIPPED.items()}
    for name, (_, reason) in FAILING.items():
        expected[f"benchmarks.{name.removesuffix('/__init__')}"] = reason
    left_out = {row.benchmark: row.reason for row in ran.comparison.plan.left_out}
    assert left_out.keys() == expected.keys()
    assert [name for name, reason in expected.items() if reason not in left_out[name]] == []
    assert left_out["benchmarks.deep"].startswith("benchmarks/deep/__init__.py cannot be imported:")
    assert "/gate-" not in ran.out


def test_caches_are_made_again_to_confirm(ran: Ran) -> None:
    """Each stage draws what setup_cache draws; the look for reasons makes none."""
    assert (ran.folder / "made").read_text() == "x" * (2 + 3)


def test_every_change_slowdown_names_growing_function(ran: Ran) -> None:
    """With HEAD's line; after the function of the diff, which only calls it otherwise."""
    slower, alone = ran.rows["time_slower"], ran.rows["time_slower_alone"]
    [caller, loop] = slower.why
    assert (caller.function, caller.edited, loop.edited) == ("caller", True, False)
    assert caller.head == caller.base
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
    assert {block.folders["base"] for block in screen} == {"a", "b"}
    assert {block.order[0] for block in screen} == {"base", "head"}
    elapsed = [block.elapsed_seconds for block in blocks]
    assert elapsed == sorted(elapsed)


def test_document_states_control_environment_and_command(ran: Ran) -> None:
    """Base was judged against a second copy of itself. Every number is one to JSON. A tree gives no
    version to the environment: what happens to be installed under its name was not measured."""
    assert not {"NaN", "Infinity"} & set(ran.out.replace(",", " ").split())
    control, environment = ran.comparison.control, ran.comparison.environment
    assert not control.alarmed
    assert "suite.Times.time_slower" in {row.benchmark for row in control.rows}
    assert all(abs(row.change) < 0.01 for row in control.rows)
    assert environment.base["helper"] == environment.head["helper"] == "9.9"
    assert "toy" not in {*environment.base, *environment.head}
    assert ran.comparison.plan.seed == 1
    assert ran.comparison.plan.rule.items() >= FEWEST.items(), "else this takes five times as long"
    assert "--seed 1" in ran.comparison.reproduce
    if Path("/proc/self/schedstat").exists():
        assert ran.rows["time_same"].wait_share is not None


def test_comparison_leaves_results_only(ran: Ran) -> None:
    """No checkout, and git knows of none; the blocks lie where the document says. Each side runs
    its tree even where the checkout is on everybody's path."""
    assert [warning.code for warning in ran.comparison.warnings] == ["not committed"]
    listed = subprocess.run(
        ["git", "worktree", "list"], cwd=ran.folder / "repository", capture_output=True, text=True
    )
    assert listed.stdout.count("\n") == 1
    assert list((ran.folder / "cache" / "perceptron").iterdir()) == []
    file = ran.folder / "repository" / ran.comparison.results / "blocks.jsonl"
    assert len(file.read_bytes().splitlines()) == len(ran.comparison.blocks)
