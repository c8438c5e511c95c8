"""`perceptron compare` as a process: its exit codes, its document, and how it ends when told to."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.gate.conftest import Repository
from tests.gate.test_compare import COUNTED, FOUR

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


def start(toy: Repository, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "perceptron", "compare", *arguments],
        cwd=toy.folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
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
    out, err = process.communicate(timeout=180)
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
    out, err = process.communicate(timeout=180)
    assert process.returncode == 0, err
    assert out.startswith("clean: ")
    assert "smallest detectable slowdown: median 3.0 %, worst 3.0 %" in out
    assert re.search(r"again:  perceptron compare (\w{12}) \1 --benchmarks time_two", out)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_told_to_end_it_cleans_up_and_keeps_what_was_measured(
    slower: Repository, tmp_path: Path, how: signal.Signals
) -> None:
    """No process and no checkout is left; killed, the next run cleans up."""
    process = start(slower, "base", "head", "--budget", "2")
    deadline = time.monotonic() + 60
    while not list(slower.folder.glob("results/gate/*/blocks.jsonl")):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    while not next(slower.folder.glob("results/gate/*/blocks.jsonl")).stat().st_size:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.send_signal(how)
    _, err = process.communicate(timeout=60)
    if how is signal.SIGKILL:
        subprocess.run(
            [
                sys.executable,
                "-c",
                "import pathlib; from perceptron.gate.checkout.worktrees import workplace\n"
                "with workplace(pathlib.Path.cwd()): pass",
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
    deadline = time.monotonic() + 10
    while _processes_in(tmp_path / "cache"):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _processes_in(folder: Path) -> list[str]:
    """Processes whose folder lies there, also one that is gone already."""
    found = []
    for each in Path("/proc").glob("[0-9]*/cwd"):
        try:
            target = os.readlink(each)
        except OSError:
            continue
        if target.startswith(str(folder)):
            found.append(target)
    return found


def test_wrong_usage_exits_2_with_one_line(slower: Repository) -> None:
    process = start(slower, "nowhere", "head")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, "")
    assert [line for line in err.splitlines() if line] == [
        f"error: unknown revision 'nowhere' in {slower.folder}: name a branch, a tag, a commit or ."
    ]
