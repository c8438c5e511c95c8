"""The core where Linux is not, as on macOS and Windows: without its files, calls and modules."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT, typed

# Read by every Python that starts. What the libraries ask of Linux they may: elsewhere they do not.
LACKING = """
import os
import sys

import filelock
import platformdirs
import psutil
import subprocess

MODULES = ("fcntl", "grp", "pwd", "resource", "termios")
CALLS = ("fork", "geteuid", "getloadavg", "getpgid", "getpgrp", "getuid", "killpg", "pread")
CALLS += ("sched_getaffinity", "sched_setaffinity", "setpgid", "setsid", "sysconf")

def is_ours(frame):
    while frame is not None:
        name = frame.f_globals.get("__package__") or frame.f_globals.get("__name__") or ""
        top = name.partition(".")[0]
        if top == "perceptron":
            return True
        if top not in sys.stdlib_module_names:
            return False
        frame = frame.f_back
    return False

def refuse(event, arguments):
    if event == "import" and arguments[0] in MODULES and is_ours(sys._getframe(1)):
        raise ModuleNotFoundError(f"No module named {arguments[0]!r}")
    if event in ("open", "os.listdir", "os.scandir"):
        if str(arguments[0]).startswith(("/proc", "/sys")) and is_ours(sys._getframe(1)):
            missing = PermissionError if event == "os.scandir" else FileNotFoundError
            raise missing(2, "not on this system", arguments[0])

for name in CALLS:
    delattr(os, name)
for name in MODULES:
    sys.modules.pop(name, None)
sys.addaudithook(refuse)
"""


@pytest.mark.parametrize(
    ("words", "codes"),
    [
        (("--help",), {0}),
        (("backends", "--json"), {0}),
        (("doctor", "--json"), {0, 1}),
        (("walkthrough", "or-gate", "--backend", "numpy", "--json"), {0}),
        (("crossover", "--functions", "two.py", "--budget", "0.2", "--json"), {0, 3}),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_other_systems_core_commands_answer(
    tmp_path: Path, words: tuple[str, ...], codes: set[int]
) -> None:
    """What is not known is left out of the answer. `bench` runs on real ones, in a workflow."""
    (tmp_path / "two.py").write_text(
        "import numpy\n\nSIZES = (16, 65_536)\nCANDIDATES = {'a': numpy.sum, 'b': numpy.sort}\n\n\n"
        "def setup(size):\n    return numpy.ones(size)\n"
    )
    process = elsewhere(tmp_path, words)
    assert process.returncode in codes, process.stderr
    assert "Traceback" not in process.stderr
    if "--json" in words and (process.stdout or process.returncode != 3):  # no time for a row
        assert json.loads(process.stdout)


def test_other_systems_unsupported_command_is_one_line(tmp_path: Path) -> None:
    process = elsewhere(tmp_path, ("compare", "main", "."))
    assert process.returncode == 2
    assert process.stderr == (
        "error: compare needs process groups, which Windows lacks: run it in WSL\n"
    )


def elsewhere(folder: Path, words: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    """Run a command as it would run on such a system."""
    (folder / "sitecustomize.py").write_text(LACKING)
    return typed(folder, *words, path=(folder, ROOT))
