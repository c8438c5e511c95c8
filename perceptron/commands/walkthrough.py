"""`perceptron walkthrough`: the introduction."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from perceptron import optional
from perceptron.commands.shared.arguments import Backends, Json
from perceptron.commands.shared.options import split
from perceptron.errors import UserError


def _problems() -> list[str]:
    from perceptron.studies.walkthrough import PROBLEMS
    from perceptron.studies.walkthrough_digits import PROBLEM

    return [*PROBLEMS, PROBLEM]


def walkthrough(
    problem: Annotated[
        str,
        typer.Argument(
            help="or-gate, symptoms, xor, xor-hidden or digits", autocompletion=_problems
        ),
    ] = "or-gate",
    backend: Backends = None,
    activation: Annotated[
        str | None, typer.Option(metavar="NAME", help="Replace the last layer's activation.")
    ] = None,
    save: Annotated[Path | None, typer.Option(metavar="DIR", help="Write figures.")] = None,
    json: Json = False,
) -> None:
    """Train a small problem and look at what was learned: the introduction."""
    from perceptron.backends.registry import DEFAULT
    from perceptron.report import documents
    from perceptron.report.tables import terminal
    from perceptron.report.tables import walkthrough as story
    from perceptron.studies import walkthrough as study
    from perceptron.studies.walkthrough_digits import PROBLEM

    if save is not None:
        optional.require("pages", "matplotlib")
    backends = split("--backend", backend) or DEFAULT
    if problem == PROBLEM:
        _digits(backends, activation, save, json)
        return
    with terminal.progress_bar(problem) as bar:
        walk = study.walkthrough(problem, backends, activation, bar)
    if json:
        documents.write(documents.walkthrough(walk))
    else:
        story.show(walk)
        here = "bench --quick" if problem == "or-gate" else f"overhead --problem {problem}"
        terminal.show_next(f"perceptron {here}")
    if save is not None:
        curve = study.sigmoid_curve()
        for file in story.draw(walk, save, study.predictor(walk, activation), curve):
            terminal.err.print(f"wrote {file}")


def _digits(backends: Sequence[str], activation: str | None, save: Path | None, json: bool) -> None:
    from perceptron.report import documents
    from perceptron.report.tables import terminal
    from perceptron.report.tables import walkthrough_digits as story
    from perceptron.studies.walkthrough_digits import PROBLEM, walkthrough_digits

    if activation is not None:
        raise UserError("--activation is for problems of one output: leave it out for digits")
    with terminal.progress_bar(PROBLEM) as bar:
        walk = walkthrough_digits(backends, bar)
    if json:
        documents.write(documents.walkthrough_digits(walk))
    else:
        story.show(walk)
        terminal.show_next(f"perceptron overhead --problem {PROBLEM}")
    if save is not None:
        for file in story.draw(walk, save):
            terminal.err.print(f"wrote {file}")
