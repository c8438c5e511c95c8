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

_PROGRAM = Path(__file__).with_name("asv_program.py")
# For asv to end what it has started: it asks for a second, then kills.
_SECONDS_TO_END = 10.0


def install(job: Mapping[str, Any], log: Path) -> bool:
    """Let asv do the job, its output in ``log``; return whether the commit is installed.

    asv ends a command that prints nothing for ``install_timeout`` seconds.
    """
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    variables = {**os.environ, "PATH": path, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
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
            process.stdin.write(msgspec.json.encode(job) + b"\n")
            process.stdin.flush()
            return process.wait() == 0
        except BrokenPipeError:
            return process.wait() == 0
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Close its input, on which it interrupts itself, and kill it if that takes too long."""
    assert process.stdin is not None
    with suppress(OSError):
        process.stdin.close()
    with suppress(subprocess.TimeoutExpired):
        process.wait(_SECONDS_TO_END)
    process.kill()
    process.wait()
