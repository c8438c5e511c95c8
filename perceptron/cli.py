"""The command line: a table of contents."""

from __future__ import annotations

import sys
from importlib import import_module
from time import monotonic
from typing import Annotated

import typer

import perceptron
from perceptron import command_start
from perceptron.commands.shared.ending import run
from perceptron.commands.shared.list_command import ListCommand
from perceptron.commands.shared.study_command import StudyCommand
from perceptron.studies.registry import STUDIES

# In the order in which help lists them. Each is a study, or the function of its name, with _ for -,
# in the file of its name in `perceptron.commands`.
COMMANDS = (
    "walkthrough",
    "backends",
    "check",
    "bench",
    "crossover",
    "map",
    "overhead",
    "advise",
    "race",
    "fleet",
    "gpu-day",
    "compare",
    "dashboard",
    "export",
    "doctor",
)

app = typer.Typer(
    name="perceptron",
    help=perceptron.__doc__,
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help needs no rich: it answers in half the time
    pretty_exceptions_enable=False,
)

for name in (*COMMANDS, *(study for study in STUDIES if study not in COMMANDS)):
    if name in STUDIES:
        app.command(name, cls=StudyCommand, help=STUDIES[name][1])(lambda: None)
        continue
    identifier = name.replace("-", "_")
    command = getattr(import_module(f"perceptron.commands.{identifier}"), identifier)
    app.command(name, cls=ListCommand)(command)


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        typer.echo(f"perceptron {perceptron.__version__}")
        raise typer.Exit


def main() -> None:
    """Run a command; see `ending.run` for how it may end."""
    command_start.began = monotonic()
    try:
        run(app, sys.argv[1:])
    finally:
        command_start.began = None
