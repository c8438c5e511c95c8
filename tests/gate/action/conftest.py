"""Our command, and programs that would install something, for the steps of the action."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.gate import few_blocks

# Of this checkout, whatever is installed; with a rule of as few blocks as can be judged.
PERCEPTRON = f"""#!/bin/bash
PYTHONPATH={shlex.quote(str(ROOT))}:$PYTHONPATH exec {sys.executable} {few_blocks.__file__} "$@"
"""


def records(temporary: Path) -> str:
    """A program that records what it is asked; not all are told where the runner's folder is."""
    calls = shlex.quote(str(temporary / "calls"))
    return f"""#!/bin/bash
printf "%s\\0" "$0" "$@" >> {calls}
echo >> {calls}
"""


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    """A folder that has a space in its name, as they are allowed to have."""
    folder = tmp_path / "runner temp"
    folder.mkdir()
    return folder


@pytest.fixture
def tools(tmp_path: Path, temporary: Path) -> Path:
    """Our command, and programs that would install something: they record what they are asked."""
    folder = tmp_path / "bin"
    folder.mkdir()
    programs = {"perceptron": PERCEPTRON} | dict.fromkeys(
        ("python", "apt-get", "sudo"), records(temporary)
    )
    programs["sudo"] += '"$@"\n'
    # Code is run, and an environment has a copy of these programs; nothing is installed.
    programs["python"] += f"""case "$*" in
  "-I -c "*) exec {shlex.quote(sys.executable)} "$@" ;;
  *"-m venv "*) mkdir -p "${{!#}}/bin" && cp {shlex.quote(str(folder))}/p* "${{!#}}/bin" ;;
esac
"""
    for name, text in programs.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return folder
