"""The command line: a table of contents."""

from __future__ import annotations

import sys
from importlib import import_module
from itertools import chain
from time import monotonic
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import perceptron
from perceptron import command_start
from perceptron.commands.shared.ending import run
from perceptron.commands.shared.list_command import ListCommand
from perceptron.commands.shared.study_command import StudyCommand
from perceptron.questions.registry import STUDIES

# Commands by the question that they answer, in the order in which help lists them. Each is a study,
# or the function of its name, with _ for -, in the file of its name in `perceptron.commands`.
QUESTIONS = {
    "Which backend is the fastest?": ("bench", "advise", "race"),
    "At what size does that change?": ("crossover", "map"),
    "Where does the time go?": ("overhead",),
    "Did a change make anything slower?": ("compare",),
    "Can I trust this machine, and these backends?": ("doctor", "backends", "check"),
    "What was measured?": ("dashboard",),
    "What do other machines say?": ("fleet",),
    "How does a small model learn?": ("walkthrough",),
}
COMMANDS = tuple(chain.from_iterable(QUESTIONS.values()))


class _ByQuestion(TyperGroup):
    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List every command in one line, below its question."""
        more = {"More": tuple(name for name in self.commands if name not in COMMANDS)}
        width = max(map(len, self.commands))
        for question, names in (QUESTIONS | more).items():
            if names:
                formatter.write(f"\n{question}\n")
                with formatter.indentation():
                    formatter.write_dl(
                        (name.ljust(width), self.commands[name].get_short_help_str(formatter.width))
                        for name in names
                    )


app = typer.Typer(
    name="perceptron",
    cls=_ByQuestion,
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
