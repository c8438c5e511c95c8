"""`perceptron compare` as a process: its exit codes, its document, and how it ends on a signal."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.gate.conftest import COUNTED, FEWEST, FOUR, Repository

BLOCKS = "results/gate/*/blocks.jsonl"
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


# A machine may be as busy as it likes; this only ends a test that would never end.
GUARD_SECONDS = 600.0


# The command with a rule of as few blocks as can be judged: the default takes five times as long.
FEW_BLOCKS = f"""
from perceptron.cli import main
from perceptron.gate import compare
from perceptron.gate.verdict.rule import Rule

compare.Rule = lambda: Rule({", ".join(f"{name}={value}" for name, value in FEWEST.items())})
main()
"""


def start(toy: Repository, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", FEW_BLOCKS, "compare", *arguments],
        cwd=toy.folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ["PYTHONPATH"]])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def slower(toy: Repository) -> Repository:
    """The second commit takes 8 % more work in one of two benchmarks."""
    toy.write("toy/__init__.py", COUNTED)
    suite = FOUR.format(one=100).split("    def time_three")[0]
    toy.write("benchmarks/suite.py", suite)
    toy.commit("base")
    toy.write("toy/__init__.py", COUNTED.replace("DONE += amount", "DONE += 1.08 * amount"))
    toy.write("benchmarks/suite.py", suite.replace("toy.work(100)", "toy.DONE += 1e-4"))
    toy.commit("head")
    return toy


def test_a_regression_exits_1_and_prints_the_document_of_the_contract(slower: Repository) -> None:
    process = start(slower, "base", "head", "--budget", "2", "--seed", "3", "--json")
    out, err = process.communicate(timeout=GUARD_SECONDS)
    assert process.returncode == 1, err
    document = json.loads(out)
    assert document["verdict"] == "regression"
    assert {"verdict", "rows", "control", "plan", "environment"} <= document.keys()
    assert all(row.keys() >= CONTRACT for row in document["rows"])
    verdicts = {row["benchmark"]: row["verdict"] for row in document["rows"]}
    assert verdicts == {
        "suite.Counted.time_one": "no change",
        "suite.Counted.time_two": "regression",
    }
    assert document["plan"]["seed"] == 3
    assert "nan" not in out.lower().replace("finance", "")


def test_the_table_says_what_changed_and_how_to_do_it_again(slower: Repository) -> None:
    process = start(slower, "base", "base", "--budget", "1", "--benchmarks", "time_two")
    out, err = process.communicate(timeout=GUARD_SECONDS)
    assert process.returncode == 0, err
    assert out.startswith("clean: ")
    assert "smallest detectable slowdown: median 3.0 %, worst 3.0 %" in out
    assert re.search(r"again:  perceptron compare (\w{12}) \1 --benchmarks time_two", out)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_signal_ends_it_cleanly_and_keeps_what_was_measured(
    slower: Repository, tmp_path: Path, how: signal.Signals
) -> None:
    """No process and no checkout is left; killed, the next run cleans up."""
    process = start(slower, "base", "head", "--budget", "2")
    wait_until(lambda: any(file.stat().st_size for file in slower.folder.glob(BLOCKS)))
    process.send_signal(how)
    _, err = process.communicate(timeout=GUARD_SECONDS)
    wait_until(lambda: not processes_in(tmp_path / "cache"))
    if how is signal.SIGKILL:
        subprocess.run(
            [
                sys.executable,
                "-c",
                "import pathlib; from perceptron.gate.checkout.worktrees import working_folder\n"
                "with working_folder(pathlib.Path.cwd()): pass",
            ],
            cwd=slower.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            check=True,
        )
    else:
        assert process.returncode == 2
        assert "the same command resumes from there" in err
        assert "Traceback" not in err
    assert slower.git("worktree", "list").count("\n") == 1
    assert list((tmp_path / "cache" / "perceptron").iterdir()) == []


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + GUARD_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def processes_in(folder: Path) -> list[str]:
    """Processes whose folder lies there, also one that is gone already."""
    folders = []
    for link in Path("/proc").glob("[0-9]*/cwd"):
        try:
            folders.append(os.readlink(link))
        except OSError:
            continue
    return [name for name in folders if name.startswith(str(folder))]


def test_wrong_usage_exits_2_with_one_line(slower: Repository) -> None:
    process = subprocess.run(
        [sys.executable, "-m", "perceptron", "compare", "nowhere", "head"],
        cwd=slower.folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (process.returncode, process.stdout) == (2, "")
    assert [line for line in process.stderr.splitlines() if line] == [
        f"error: unknown revision 'nowhere' in {slower.folder}: name a branch, a tag, a commit or ."
    ]
