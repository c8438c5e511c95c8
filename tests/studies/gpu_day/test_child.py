"""A command of a stage: what it says is kept, and it ends in time whatever it does."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from perceptron.studies.gpu_day.child import Ended, run_child

LONG = 60.0
Run = Callable[..., Ended]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def run(code: str, limit: float = LONG, patience: float = LONG, **options: object) -> Ended:
        given = {"tick": lambda: None} | options
        return run_child(
            [sys.executable, "-u", "-c", code],
            os.environ,
            tmp_path / "answer",
            tmp_path / "log",
            limit_seconds=limit,
            patience_seconds=patience,
            **given,  # type: ignore[arg-type]
        )

    return run


def test_both_streams_are_kept_apart(run: Run, tmp_path: Path) -> None:
    ended = run("import sys; print('{}'); print('measuring', file=sys.stderr)")
    assert ended.code == 0
    assert (tmp_path / "answer").read_text() == "{}\n"
    assert (tmp_path / "log").read_text() == "measuring\n"


def test_a_failure_is_told_by_its_last_line(run: Run) -> None:
    ended = run("import sys; print('error: no room', file=sys.stderr); sys.exit(2)")
    assert (ended.code, ended.reason) == (2, "no room")
    assert run("import os; os._exit(3)").code == 3


def test_a_death_without_a_word_is_told(run: Run) -> None:
    assert "SIGKILL" in run("import os; os.kill(os.getpid(), 9)").reason


def test_out_of_time_it_is_interrupted_and_can_keep_what_it_has(run: Run, tmp_path: Path) -> None:
    code = (
        "import time\nprint('begun')\ntry:\n    time.sleep(600)\n"
        "except KeyboardInterrupt:\n    print('kept')"
    )
    ended = run(code, limit=3.0)
    assert ended.code is None
    assert "not done within 3 s" in ended.reason
    assert (tmp_path / "answer").read_text() == "begun\nkept\n"


def test_what_does_not_leave_is_killed_with_all_it_has_started(run: Run, tmp_path: Path) -> None:
    code = (
        "import signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(child.pid)\ntime.sleep(600)"
    )
    assert run(code, limit=3.0, patience=0.2).code is None
    pid = int((tmp_path / "answer").read_text())
    for _ in range(200):
        if (
            not Path(f"/proc/{pid}").exists()
            or "State:\tZ" in Path(f"/proc/{pid}/status").read_text()
        ):
            return
        time.sleep(0.05)
    pytest.fail("it is still there")


def test_a_tick_comes_while_it_prints(run: Run) -> None:
    ticks: list[float] = []
    code = "import time\nfor _ in range(20):\n    print('.')\n    time.sleep(0.05)"
    run(code, tick=lambda: ticks.append(0.0), tick_seconds=0.1)
    assert ticks


def test_what_cannot_be_started_says_so(tmp_path: Path) -> None:
    ended = run_child(
        ["/no/such/program"], os.environ, tmp_path / "a", tmp_path / "l", LONG, LONG, lambda: None
    )
    assert ended.code == 127
    assert "not found" in ended.reason
