"""`perceptron compare` as a process that is sent a signal; test_every_change.py has its answer."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.gate.conftest import Repository, command

BLOCKS = "results/gate/*/blocks.jsonl"
# Ten blocks of it take twenty seconds: none of these comparisons is over before it is ended.
SLOW = "import time, toy\n\ndef track_it():\n    time.sleep(1)\n    return 1\n"
# A machine may be as busy as it likes; this only ends a test that would never end.
GUARD_SECONDS = 600.0


@pytest.mark.parametrize(
    "how", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]
)
def test_command_signal_ends_cleanly_and_keeps_blocks(
    toy: Repository, tmp_path: Path, how: signal.Signals
) -> None:
    """No process and no checkout is left."""
    toy.commit("slow", "benchmarks/suite.py", SLOW)
    process = subprocess.Popen(
        command("slow", "slow", "--always", "--budget", "9", "--count", "never"),
        cwd=toy.folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ["PYTHONPATH"]])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until(lambda: any(file.stat().st_size for file in toy.folder.glob(BLOCKS)))
    process.send_signal(how)
    _, err = process.communicate(timeout=GUARD_SECONDS)
    wait_until(lambda: not processes_in(tmp_path / "cache"))
    assert process.returncode == 2
    assert "the same command resumes" in err
    assert "Traceback" not in err
    assert toy.git("worktree", "list").count("\n") == 1
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
