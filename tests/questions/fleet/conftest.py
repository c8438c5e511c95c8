"""What tests of fleets share: made-up jobs, and commands of Slurm that say what they are told."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from perceptron.processes import fresh_python
from perceptron.questions.fleet.jobs import open_fleet

Says = Callable[..., None]
Runs = Callable[[str], None]


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    """A fleet through Slurm that nothing was submitted of."""
    return open_fleet(tmp_path / "results", ["bench", "--quick"], False, ())


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A fleet on this machine that nothing was submitted of."""
    return open_fleet(tmp_path / "results", ["bench", "--quick"], True, ())


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Runs:
    """Have jobs run lines of a shell in place of a command of ours."""

    def run(lines: str) -> None:
        monkeypatch.setattr(
            fresh_python, "command", lambda *arguments: ("sh", "-c", lines, *arguments)
        )

    return run


@pytest.fixture
def says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Says:
    """Have a command of Slurm's print these lines; what it was asked lies beside it.

    It says nothing where an argument matches the pattern ``unless``.
    """
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    def say(
        command: str, answer: str = "", error: str = "", code: int = 0, unless: str = "never"
    ) -> None:
        (folder / f"{command}.out").write_text(answer)
        (folder / f"{command}.err").write_text(error)
        program = folder / command
        program.write_text(
            f'#!/bin/sh\nfor one in "$@"; do echo "$one"; done >>{folder}/{command}.asked\n'
            f'for one in "$@"; do case $one in {unless}) exit 0 ;; esac; done\n'
            f"cat {folder}/{command}.out; cat {folder}/{command}.err >&2; exit {code}\n"
        )
        program.chmod(0o755)

    say("sbatch")
    say("squeue")
    return say
