"""`perceptron walkthrough`: the introduction."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from perceptron import optional
from perceptron.commands.shared.arguments import Backends, Json, Verbose
from perceptron.commands.shared.options import split


def walkthrough(
    problem: Annotated[
        str, typer.Argument(help="or-gate, symptoms, xor, xor-hidden or digits.")
    ] = "or-gate",
    backend: Backends = None,
    activation: Annotated[
        str | None, typer.Option(metavar="NAME", help="Replace the last layer's activation.")
    ] = None,
    save: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write figures into DIR.")
    ] = None,
    verbose: Verbose = False,
    json: Json = False,
) -> None:
    """Train a small problem, and show what was learned."""
    from perceptron.backends.registry import DEFAULT
    from perceptron.questions.walkthrough.figures import pictures
    from perceptron.questions.walkthrough.sentences import document, told
    from perceptron.questions.walkthrough.training import walkthrough as train
    from perceptron.report import documents
    from perceptron.report.tables import terminal

    if save is not None:
        optional.require("pages", "matplotlib")
    backends = split("--backend", backend) or DEFAULT
    with terminal.progress_bar(problem) as bar:
        walk = train(problem, backends, activation, bar)
    if json:
        documents.write(document(walk))
    else:
        for part in told(walk, verbose):
            terminal.show(part)
        here = "bench --quick" if problem == "or-gate" else f"overhead --problem {problem}"
        terminal.show_next(f"perceptron {here}")
    if save is not None:
        from perceptron.report.charts import style  # needs matplotlib

        for picture in pictures(walk):
            terminal.err.print(f"wrote {style.save(picture, save)}")
