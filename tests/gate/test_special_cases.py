"""From two commits to a verdict where something is special; the clock counts work, not seconds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from perceptron.commands.shared.pages import prepare_comparison
from perceptron.errors import UserError
from perceptron.gate import fingerprint, runner
from perceptron.gate.journal import ComparisonRun
from perceptron.gate.sampling import sides
from tests.gate.conftest import COUNTED, SUITE, Interrupted, Repository, interpreter, run, until


def assert_gone(toy: Repository, tmp_path: Path) -> None:
    """No checkout is left, and git knows of none."""
    assert toy.git("worktree", "list").count("\n") == 1
    assert list((tmp_path / "cache" / "perceptron").iterdir()) == []


def test_gate_import_error_of_head_is_regression_of_base_an_error(
    toy: Repository, tmp_path: Path
) -> None:
    toy.commit("second", "toy/__init__.py", "import nowhere")
    comparison = run()
    assert comparison.verdict == "regression"
    assert "ModuleNotFoundError" in (comparison.rows[0].reason or "")
    with pytest.raises(UserError, match=r"BASE cannot be imported: .*nowhere"):
        run(base="second", head="first")
    assert_gone(toy, tmp_path)


LATE_IMPORTS = """
def time_one():
    import toy
    toy.work(100)

def time_two():
    import toy
    toy.work(100)

def clock():
    import toy
    return toy.clock()

time_one.timer = time_two.timer = clock
"""


@pytest.mark.slow
def test_gate_interrupted_run_resumes_where_it_stopped(
    toy: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every block is measured once, in the order of the one seed, and nothing is left behind. What
    was finished begins again, and so does what other code measured: two ways of timing would mix.

    The suite imports late; that its tree was imported is known from before.
    """
    toy.write("benchmarks/suite.py", LATE_IMPORTS)
    toy.commit("second", "toy/__init__.py", COUNTED.replace("1e-6", "1.1e-6"))

    kept: list[bytes] = []
    seeds = set()
    for stop in ("screen, block 3", "confirmation, block 2"):
        with pytest.raises(Interrupted):
            run(seed=None, progress=until(stop))
        assert_gone(toy, tmp_path)
        (file,) = Path("results/gate").glob("*/blocks.jsonl")
        lines = file.read_bytes().splitlines()
        assert lines[: len(kept)] == kept
        assert len(lines) > len(kept)
        kept = lines
        with file.open("ab") as unfinished:
            unfinished.write(b'{"stage": "scr')
        run_file = file.with_name("run.json").read_bytes()
        seeds.add(msgspec.json.decode(run_file, type=ComparisonRun).plan.seed)
    comparison = run(seed=None)
    assert seeds == {comparison.plan.seed}
    assert comparison.verdict == "regression"
    takes = {(b.stage, b.number, b.benchmark, b.take) for b in comparison.blocks}
    assert len(takes) == len(comparison.blocks)
    assert [msgspec.json.encode(block) for block in comparison.blocks][: len(kept)] == kept
    for already in (1, 2):
        with pytest.raises(Interrupted):
            run(seed=None, progress=until("trying every benchmark"))
        assert len(list(Path("results/gate").iterdir())) == already + 1
        monkeypatch.setattr(fingerprint, "digest", lambda: "another")


def test_gate_refuses_foreign_code(toy: Repository) -> None:
    """Here the suite itself goes to the checkout that the user works in."""
    path = f"import sys\nsys.meta_path.clear()\nsys.path.insert(0, {str(toy.folder)!r})\n"
    finder = "import importlib.machinery as m\nsys.meta_path.append(m.PathFinder)\n"
    toy.commit("second", "benchmarks/suite.py", path + finder + SUITE)
    with pytest.raises(UserError, match=r"imported toy from .*/toy/__init__.py, which is not"):
        run()


NO_SENSE = {
    "[1]": "one JSON object",
    "[" * 200_000: "not asv's JSON: nested too deeply",
    '{"benchmark_dir": 3}': "benchmark_dir must be text",
    '{"benchmark_dir": "../x"}': "leads out of the repository",
    '{"benchmark_dir": "none"}': "none is not in second",
    '{"benchmark_dir": "toy"}': "the suite has no benchmarks",
}


def test_gate_invalid_configuration_is_one_line(toy: Repository, tmp_path: Path) -> None:
    for file, message in NO_SENSE.items():
        toy.commit("second", "asv.conf.json", file)
        with pytest.raises(UserError, match=r"asv.conf.json|no benchmarks") as caught:
            run()
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)
    assert_gone(toy, tmp_path)


def test_gate_endless_import_is_inconclusive(
    toy: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sides, "_LEAST_SECONDS", 1.0)
    toy.commit("second", "benchmarks/suite.py", f"import time\ntime.sleep(1000)\n{SUITE}")
    comparison = run(budget_minutes=0.01)
    assert (comparison.verdict, comparison.rows) == ("inconclusive", [])
    assert "no answer within 1 s" in comparison.reason
    assert comparison.seconds >= 1


def test_gate_program_loads_on_old_python(old: str) -> None:
    """Each of its modules, as it loads them; what imports pytest, which is not there, compiles."""
    code = """
import pathlib, runpy, sys
folder = pathlib.Path(sys.argv[1])
load = runpy.run_path(str(folder / "program.py"))["_load"]
for file in folder.glob("*.py"):
    if "import pytest" in file.read_text():
        compile(file.read_text(), str(file), "exec")
    else:
        load(file.stem)
        print(file.stem)
"""
    command = [old, "-c", code, str(Path(runner.__file__).parent)]
    loaded = subprocess.run(command, capture_output=True, text=True, check=False)
    assert loaded.returncode == 0, loaded.stderr
    assert {"program", "timing"} < set(loaded.stdout.split())


def test_gate_missing_dependency_is_one_line(toy: Repository, tmp_path: Path) -> None:
    """Whether a module needs it, or the whole suite."""
    bare = interpreter(tmp_path / "python", f"{sys.executable} -S")
    toy.commit("first", "benchmarks/needy.py", "import msgspec\n\ndef time_it():\n    pass\n")
    for loads in (True, False):
        if not loads:
            toy.git("rm", "--quiet", "benchmarks/suite.py")
            toy.commit("first")
        with pytest.raises(UserError) as caught:
            run("first", "first", base_python=bare)
        error = str(caught.value)
        assert "\n" not in error
        assert all(name in error for name in ("BASE", "benchmarks/needy.py", "'msgspec'", bare))


def test_gate_mostly_unloadable_suite_is_not_clean(toy: Repository) -> None:
    """Here what does load was repaired, which needs no blocks."""
    for number in range(5):
        toy.write(f"benchmarks/broken{number}.py", "import nothing_called_so\n")
    toy.write("benchmarks/suite.py", "import toy\n\ndef track_it():\n    return toy.NEW\n")
    toy.commit("second", "toy/__init__.py", f"NEW = 1\n{COUNTED}")
    comparison = run(benchmarks="track|broken")
    assert comparison.verdict == "inconclusive"
    assert comparison.reason.startswith("only 1 of 6 benchmarks could be judged")


def measured(**options: Any) -> None:
    with pytest.raises(Interrupted):
        run("first", progress=until("discovering benchmarks"), **options)


def test_gate_results_are_ignored_by_git(toy: Repository) -> None:
    """In a folder of others what is new alone is ignored."""
    toy.commit("first", ".gitignore", "__pycache__/\n")
    unchanged = run("first", ".", always=False).plan.head.changes
    measured(head="first")
    prepare_comparison("html")
    assert Path("results/gate").is_dir()
    assert Path("html/gate").is_dir()
    assert toy.git("status", "--porcelain") == ""
    assert run("first", ".", always=False).plan.head.changes == unchanged
    toy.write("mine/own.json", "1")
    measured(head="first", results=Path("mine"))
    toy.git("add", "--all")
    assert toy.git("status", "--porcelain").split() == ["A", "mine/own.json"]
    assert [*map(str, Path("mine").glob("**/.gitignore"))] == ["mine/gate/.gitignore"]


@pytest.mark.parametrize(
    "says",
    [
        '{"kind": ' + "[" * 9_999,
        '{"kind": "seen", "reason": "asked by nobody"}',
        '{"kind": "unloadable"}',
        '{"kind": "benchmark"}',
        '{"kind": "environment"}',
        '{"kind": "environment", "versions": {}}',
    ],
    ids=lambda says: says[:20],
)
def test_gate_invalid_answer_of_side_is_one_line(toy: Repository, says: str) -> None:
    """Its code can write where its program answers."""
    nonsense = f"""
import os
for number in range(3, 32):
    try:
        os.write(number, {says.encode()!r} + b"\\n")
    except OSError:
        pass
"""
    toy.commit("second", "benchmarks/suite.py", nonsense)
    with pytest.raises(UserError, match="HEAD cannot be imported: "):
        run()
