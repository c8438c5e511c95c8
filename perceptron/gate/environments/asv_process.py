"""Starts the program that lets asv build, and ends it whatever happens."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import psutil

_PROGRAM = Path(__file__).with_name("asv_program.py")
# For asv to end what it has started: it asks for a second, then kills.
_SECONDS_TO_END = 10.0
# A build that prints a line now and then is not ended by asv.
LONGEST_SECONDS = 3600.0
# Of what is killed, something may just have been starting something.
_MOST_ROUNDS = 100


def install(job: Mapping[str, Any], log: Path) -> bool:
    """Let asv do the job, its output in ``log``; return whether the commit is installed.

    asv ends a command that prints nothing for ``install_timeout`` seconds; all commands together
    have an hour, or two such timeouts where that is longer. Nothing that was started lives on.
    """
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    variables = {**os.environ, "PATH": path, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    longest = _longest(job)
    with log.open("wb") as output:
        # Not interrupted together with us, but by us; the folder of the program holds names that
        # other packages use too.
        process = subprocess.Popen(
            [sys.executable, "-P", str(_PROGRAM)],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=variables,
            start_new_session=True,
        )
        assert process.stdin is not None
        try:
            with suppress(BrokenPipeError):
                process.stdin.write(msgspec.json.encode(job) + b"\n")
                process.stdin.flush()
            return process.wait(longest) == 0
        except subprocess.TimeoutExpired:
            _end(process)
            output.write(f"error: the build took longer than {longest / 60:.0f} min\n".encode())
            return False
        finally:
            _end(process)


def _longest(job: Mapping[str, Any]) -> float:
    config = job.get("config")
    timeout = config.get("install_timeout") if isinstance(config, Mapping) else None
    return max(LONGEST_SECONDS, 2 * timeout if isinstance(timeout, (int, float)) else 0.0)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Close its input, on which it interrupts itself, and kill what is still there after that."""
    assert process.stdin is not None
    started = _descendants(process.pid)
    try:
        with suppress(OSError):
            process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_SECONDS_TO_END)
    finally:
        process.kill()
        for _ in range(_MOST_ROUNDS):
            left = [own for own in (*started, *_of_session(process.pid)) if _is_alive(own)]
            if not left:
                break
            for own in left:
                with suppress(psutil.Error):
                    own.kill()
            psutil.wait_procs(left, timeout=0.1)
        process.wait()


def _descendants(pid: int) -> list[psutil.Process]:
    with suppress(psutil.Error):
        return list(psutil.Process(pid).children(recursive=True))
    return []


def _of_session(session: int) -> list[psutil.Process]:
    """Return what asv's program has started: also what has a process group of its own."""
    if sys.platform == "win32":
        return []
    processes: list[psutil.Process] = []
    for process in psutil.process_iter():
        with suppress(OSError, psutil.Error):
            if process.pid and os.getsid(process.pid) == session:
                processes.append(process)
    return processes


def _is_alive(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False
