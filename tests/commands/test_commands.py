"""The folder of commands."""

from __future__ import annotations

from perceptron.cli import COMMANDS
from tests.conftest import ROOT


def test_every_command_is_a_file_and_every_file_a_command() -> None:
    files = (ROOT / "perceptron" / "commands").glob("*.py")
    named = (file.stem.replace("_", "-") for file in files if file.stem != "__init__")
    assert sorted(COMMANDS) == sorted(named)
