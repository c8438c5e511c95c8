"""The command line: all commands, by the question that they answer."""

from __future__ import annotations

import sys
from importlib import import_module
from itertools import chain
from time import monotonic
from typing import TYPE_CHECKING, Any

import click

import perceptron
from perceptron.commands.shared.ending import run
from perceptron.errors import unknown
from perceptron.processes import this_process
from perceptron.questions.registry import STUDIES

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

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
# Here, so that listing the commands imports none of them.
SUMMARIES = {name: summary for name, (_, summary) in STUDIES.items()} | {
    "compare": "Run a project's benchmarks on two revisions, side by side.",
    "doctor": "Find what makes timings untrustworthy here, with advice.",
    "backends": "List the backends that can run here, and why others cannot.",
    "check": "Check that a backend agrees with NumPy, and that mistakes show.",
    "dashboard": "Write the HTML pages of all results.",
    "fleet": "Show the jobs that --on started, or merge their rows.",
    "walkthrough": "Train a small problem, and show what was learned.",
}


class _Commands(click.Group):
    """All commands; each is imported when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, further studies last."""
        return list(dict.fromkeys((*COMMANDS, *STUDIES)))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name in STUDIES:
            from perceptron.commands.shared.study_command import study_command

            return study_command(cmd_name)
        if cmd_name in COMMANDS:
            from perceptron.commands.shared.parameters import Command, fields_of_arguments

            identifier = cmd_name.replace("-", "_")
            function = getattr(import_module(f"perceptron.commands.{identifier}"), identifier)
            fields = fields_of_arguments(function)
            return Command(cmd_name, SUMMARIES[cmd_name], fields, function)
        if cmd_name.startswith("-") or ctx.resilient_parsing:
            return None
        raise unknown("command", cmd_name, self.list_commands(ctx))

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments; without any, show the help."""
        return super().parse_args(ctx, args or ["--help"])

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; an interrupt ends it without click's empty line."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise click.Abort from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List every command below its question."""
        names = self.list_commands(ctx)
        more = {"More": tuple(name for name in names if name not in COMMANDS)}
        width = max(map(len, names))
        for question, listed in (QUESTIONS | more).items():
            if listed:
                formatter.write(f"\n{question}\n")
                with formatter.indentation():
                    formatter.write_dl((name.ljust(width), SUMMARIES[name]) for name in listed)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the names of commands, and click's completions of options."""
        from click.shell_completion import CompletionItem

        names = (name for name in self.list_commands(ctx) if name.startswith(incomplete))
        listed = [CompletionItem(name, help=SUMMARIES[name]) for name in names]
        return [*listed, *click.Command.shell_complete(self, ctx, incomplete)]


app = click.version_option(
    perceptron.__version__, message="perceptron %(version)s", help="Print the version."
)(_Commands("perceptron", help=perceptron.__doc__))


def main() -> None:
    """Run a command; see `ending.run` for how it may end."""
    this_process.began = monotonic()
    try:
        run(app, sys.argv[1:])
    finally:
        this_process.began = None
