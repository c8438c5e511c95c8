"""`perceptron check`: does a backend keep its contract?"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from perceptron.commands.shared.arguments import Json
from perceptron.commands.shared.options import split

if TYPE_CHECKING:
    from perceptron.records.backend import CheckResult


def check(
    names: Annotated[list[str], typer.Argument(metavar="NAME …", help="Backends to check.")],
    problem: Annotated[
        list[str] | None,
        typer.Option(metavar="P", help="A problem, a shape or FILE.toml; repeatable."),
    ] = None,
    json: Json = False,
) -> None:
    """Check that a backend agrees with NumPy, and that mistakes show.

    Without --problem, small problems of every kind are checked.
    """
    from perceptron.problems import catalogue, files
    from perceptron.questions.check import check as study
    from perceptron.report import documents
    from perceptron.report.tables import terminal

    problems = [
        member
        for word in problem or ()
        for member in (catalogue.find_all(word) if files.is_file(word) else (catalogue.find(word),))
    ]
    with terminal.progress_bar("checking") as bar:
        results = study(split("NAME", names), bar, problems or None)
    if json:
        documents.write({"backends": results})
    else:
        show(results)
    if not all(promise.kept for promises in results.values() for promise in promises):
        raise typer.Exit(1)
    beside_numpy = dict.fromkeys(("numpy", *results))
    if not json and len(beside_numpy) > 1:
        given = [word for file in problem or () for word in ("--problem", file)]
        words = ["bench", "--quick", *given, "--backends", ",".join(beside_numpy)]
        terminal.show_next(shlex.join(["perceptron", *words]))


def show(backends: Mapping[str, Sequence[CheckResult]]) -> None:
    """Print a table of promises for each backend by its name, then each note and breach."""
    from rich.markup import escape

    from perceptron.report.tables import terminal

    for name, promises in backends.items():
        rows = [
            (one.name, "yes" if one.kept else "NO", str(one.passed), str(one.skipped))
            for one in promises
        ]
        terminal.table(name, ("promise", "kept", "cases>", "skipped>"), rows)
        for promise in promises:
            if promise.note:
                terminal.out.print(f"{escape(promise.name)}: {escape(promise.note)}")
            for line in promise.broken:
                terminal.out.print(f"[red]{escape(promise.name)}[/]: {escape(line)}")
