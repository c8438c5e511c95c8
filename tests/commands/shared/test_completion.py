"""A shell completes words by the line that docs/first-run.md has for its start."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

# What a shell does for the key TAB, after the words that were typed.
COMPLETES = """
{line}
COMP_WORDS=({typed}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_perceptron_completion perceptron
echo "${{COMPREPLY[@]}}"
"""


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_completes_commands_and_options(tmp_path: Path) -> None:
    command = tmp_path / "perceptron"
    command.write_text(f"#!{sys.executable}\nfrom perceptron.__main__ import main\nmain()\n")
    command.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": path}
    (line,) = re.findall("`(eval .*?)`", (ROOT / "docs" / "first-run.md").read_text())

    def completed(typed: str) -> str:
        done = subprocess.run(
            ["bash", "--norc", "-c", COMPLETES.format(line=line, typed=typed)],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    assert completed("perceptron cro") == "crossover"
    assert completed("perceptron doctor --th") == "--threads"
