"""asv's process leaves its words in the log, and does not outlive the comparison."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import psutil
import pytest

from perceptron.gate.environments import asv_process
from perceptron.gate.environments.asv_process import install

FOLLOWS = """
import json, os, sys
job = json.loads(sys.stdin.readline())
print(job["said"])
print("failing", file=sys.stderr)
sys.exit(job["code"])
"""
HANGS = """
import os, pathlib, sys
sys.stdin.readline()
pathlib.Path(sys.argv[0]).with_name("pid").write_text(str(os.getpid()))
sys.stdin.read()
pathlib.Path(sys.argv[0]).with_name("left").touch()
"""


@pytest.mark.parametrize("code", [0, 1])
def test_what_it_prints_is_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    program = tmp_path / "program.py"
    program.write_text(FOLLOWS)
    monkeypatch.setattr(asv_process, "_PROGRAM", program)
    log = tmp_path / "log"
    assert install({"said": "words", "code": code}, log) == (code == 0)
    assert sorted(log.read_text().split()) == ["failing", "words"]


def test_an_interrupted_comparison_asks_it_to_leave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And returns when it has left: it ends what it started itself."""
    program = tmp_path / "program.py"
    program.write_text(HANGS)
    monkeypatch.setattr(asv_process, "_PROGRAM", program)

    def interrupt() -> None:
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            threading.Event().wait(0.01)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        install({}, tmp_path / "log")
    assert (tmp_path / "left").exists()
    assert not psutil.pid_exists(int((tmp_path / "pid").read_text()))
