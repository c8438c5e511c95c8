"""`perceptron compare` as a process: its exit codes, its document, and how it ends on a signal."""

from __future__ import annotations

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
from tests.gate.conftest import COUNTED, FOUR, Repository, command

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


def start(toy: Repository, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command(*arguments),
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


@pytest.mark.parametrize(
    ("head", "code", "verdict"), [("base", 0, "clean"), ("head", 3, "inconcl")]
)
def test_the_exit_code_is_that_of_the_verdict(
    slower: Repository, head: str, code: int, verdict: str
) -> None:
    """And the table says how to do it again. A count that judges nothing of a loud clock: 3."""
    slower.write("benchmarks/suite.py", "def track_two():\n    import toy\n    return toy.HEAD\n")
    slower.write("toy/__init__.py", COUNTED + "HEAD = 0\n")
    slower.commit("base")
    slower.write("toy/__init__.py", COUNTED + "HEAD = 1\n")
    slower.commit("head")
    process = start(slower, "base", head, "--budget", "9", "--benchmarks", "track_two")
    out, err = process.communicate(timeout=GUARD_SECONDS)
    assert process.returncode == code, err
    assert out.startswith(verdict)
    assert re.search(r"again:  perceptron compare \w{12} \w{12} --benchmarks track_two", out)


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
