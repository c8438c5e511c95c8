"""A shell completes words by what `--install-completion` has written."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

# What a shell does for the key TAB, after the words that were typed.
COMPLETES = """
. ~/.bashrc
COMP_WORDS=({typed}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_perceptron_completion perceptron
echo "${{COMPREPLY[@]}}"
"""


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_completes_commands_and_options(tmp_path: Path) -> None:
    """Twice installed is once; what a user has in the file stays."""
    command = tmp_path / "bin" / "perceptron"
    command.parent.mkdir()
    command.write_text(f"#!{sys.executable}\nfrom perceptron.__main__ import main\nmain()\n")
    command.chmod(0o755)
    (tmp_path / ".bashrc").write_text("export MINE=1")
    environment = {
        **os.environ,
        "HOME": str(tmp_path),
        "PYTHONPATH": str(ROOT),
        "PATH": f"{command.parent}{os.pathsep}{os.environ['PATH']}",
    }

    def typed(words: str) -> str:
        done = subprocess.run(
            ["bash", "--norc", "-c", words],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    for _ in range(2):
        assert "completion for bash" in typed("perceptron --install-completion; true")
    assert len((tmp_path / ".bashrc").read_text().splitlines()) == 2
    assert typed(COMPLETES.format(typed="perceptron cro")) == "crossover"
    assert typed(COMPLETES.format(typed="perceptron doctor --th")) == "--threads"
