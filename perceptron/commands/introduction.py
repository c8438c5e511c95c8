"""Getting to know the suite: the walk-through, what can run here, what a backend keeps."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from perceptron.commands.shared.arguments import Backends, Json
from perceptron.commands.shared.options import split


def walkthrough(
    problem: Annotated[
        str, typer.Argument(help="or-gate, symptoms, xor or xor-hidden")
    ] = "or-gate",
    backend: Backends = None,
    activation: Annotated[
        str | None, typer.Option(metavar="NAME", help="Replace the last layer's activation.")
    ] = None,
    save: Annotated[Path | None, typer.Option(metavar="DIR", help="Write figures.")] = None,
    json: Json = False,
) -> None:
    """The introduction: train a tiny problem and look at what was learned."""
    from perceptron.report import documents
    from perceptron.report.tables import terminal
    from perceptron.report.tables import walkthrough as story
    from perceptron.studies import walkthrough as study

    with terminal.progress_bar(problem) as bar:
        walk = study.walkthrough(
            problem, split("--backend", backend) or study.BACKENDS, activation, bar
        )
    if json:
        documents.write(documents.walkthrough(walk))
    else:
        story.tell(walk)
        terminal.show_next("perceptron bench --quick")
    if save is not None:
        curve = study.sigmoid_curve()
        for file in story.draw(walk, save, study.predictor(walk, activation), curve):
            terminal.err.print(f"wrote {file}")


def backends(json: Json = False) -> None:
    """What can run here, what cannot, and why."""
    from perceptron.report import documents
    from perceptron.report.tables import console, terminal
    from perceptron.studies.backends import survey

    found = survey()
    if json:
        documents.write({"backends": found})
    else:
        console.show_backends(found)
        terminal.show_next("perceptron bench --quick")


def check(
    names: Annotated[list[str], typer.Argument(metavar="NAME …", help="Backends to check.")],
    json: Json = False,
) -> None:
    """The contract of a backend, for its author: agreement, and mistakes that must be noticed."""
    from perceptron.report import documents
    from perceptron.report.tables import console, terminal
    from perceptron.studies.check import check as study

    with terminal.progress_bar("checking") as bar:
        found = {name: study(name, bar) for name in split("NAME", names)}
    if json:
        documents.write({"backends": found})
    else:
        console.show_checks(found)
        terminal.show_next(f"perceptron bench --quick --backends {','.join(('numpy', *found))}")
    if not all(each.kept for checks in found.values() for each in checks):
        raise typer.Exit(1)
