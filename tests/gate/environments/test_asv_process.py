"""asv's process leaves its words in the log, and does not outlive the comparison."""

from __future__ import annotations

import signal
import subprocess
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
# It leaves a compiler behind that has a process group of its own, as asv gives it one.
STUBBORN = """
import os, pathlib, signal, subprocess, sys, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
sys.stdin.readline()
def alone():
    os.setpgid(0, 0)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], preexec_fn=alone)
pathlib.Path(sys.argv[0]).with_name("child").write_text(str(child.pid))
print("compiling", flush=True)
if LEAVES:
    sys.exit(0)
time.sleep(600)
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


def is_gone(pid: int) -> bool:
    """Return whether it has ended, if nobody has asked of what."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.mark.parametrize("leaves", [True, False])
def test_nothing_that_was_started_lives_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, leaves: bool
) -> None:
    """Neither of a build that takes too long, nor of one that has ended."""
    program = tmp_path / "program.py"
    program.write_text(STUBBORN.replace("LEAVES", str(leaves)))
    monkeypatch.setattr(asv_process, "_PROGRAM", program)
    monkeypatch.setattr(asv_process, "_SECONDS_TO_END", 0.1)
    wait = subprocess.Popen.wait

    def impatient(process: subprocess.Popen[bytes], timeout: float | None = None) -> int:
        if timeout != asv_process.LONGEST_SECONDS or leaves:
            return wait(process, timeout)
        while not (tmp_path / "log").read_bytes().endswith(b"\n"):
            threading.Event().wait(0.01)
        raise subprocess.TimeoutExpired("asv", timeout)

    monkeypatch.setattr(subprocess.Popen, "wait", impatient)
    log = tmp_path / "log"
    assert install({}, log) == leaves
    assert is_gone(int((tmp_path / "child").read_text()))
    said = log.read_text()
    assert said.startswith("compiling\n")
    assert ("error: the build took longer than" in said) != leaves


@pytest.mark.parametrize(
    ("config", "seconds"),
    [({}, 3600), ({"install_timeout": 600}, 3600), ({"install_timeout": 7200}, 14_400)],
)
def test_a_build_has_an_hour_or_what_the_suite_allows(
    config: dict[str, object], seconds: float
) -> None:
    assert asv_process._longest({"config": config}) == seconds
