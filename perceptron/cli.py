"""The command line: a table of contents."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

import perceptron
from perceptron.commands.advise import advise
from perceptron.commands.backends import backends
from perceptron.commands.bench import bench
from perceptron.commands.check import check
from perceptron.commands.compare import compare
from perceptron.commands.crossover import crossover
from perceptron.commands.dashboard import dashboard
from perceptron.commands.doctor import doctor
from perceptron.commands.map import phase_map
from perceptron.commands.overhead import overhead
from perceptron.commands.proof import proof
from perceptron.commands.shared.ending import run
from perceptron.commands.shared.options import spread
from perceptron.commands.truth import truth
from perceptron.commands.walkthrough import walkthrough

app = typer.Typer(
    name="perceptron",
    help=perceptron.__doc__,
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help needs no rich: it answers in half the time
    pretty_exceptions_enable=False,
)

# In the order in which help lists them.
app.command()(walkthrough)
app.command()(backends)
app.command()(check)
app.command()(bench)
app.command()(crossover)
app.command("map")(phase_map)
app.command()(overhead)
app.command()(advise)
app.command()(compare)
app.command()(proof)
app.command()(truth)
app.command()(dashboard)
app.command()(doctor)


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        typer.echo(f"perceptron {perceptron.__version__}")
        raise typer.Exit


def main() -> None:
    """Run a command; see `ending.run` for how it may end."""
    run(app, spread(sys.argv[1:]))
