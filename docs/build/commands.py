"""Make docs/commands.md: the help of every command."""

from __future__ import annotations

from click.testing import CliRunner

from docs.build.blocks import Blocks
from perceptron.cli import COMMANDS, app

_COLUMNS = 100


def blocks() -> Blocks:
    """Return the help of the command line, then of each command."""
    sections = [_help()]
    for name in COMMANDS:
        sections += [f"## {name}", _help(name)]
    return {"commands": "\n\n".join(sections)}


def _help(*command: str) -> str:
    result = CliRunner().invoke(
        app, [*command, "--help"], prog_name="perceptron", terminal_width=_COLUMNS
    )
    return f"```text\n{result.output.strip()}\n```"
