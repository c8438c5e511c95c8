"""`perceptron walkthrough`: the introduction."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from perceptron import optional
from perceptron.options import OUTPUT, Argument, Backends, Json, Option, Verbose


def walkthrough(
    problem: Annotated[
        str,
        Argument(
            "or-gate, symptoms, xor, xor-hidden or digits. Default: or-gate.", metavar="[PROBLEM]"
        ),
    ] = "or-gate",
    backend: Backends = (),
    activation: Annotated[
        str | None, Option("Replace the last layer's activation.", metavar="NAME")
    ] = None,
    save: Annotated[
        Path | None, Option("Write figures into DIR.", metavar="DIR", panel=OUTPUT)
    ] = None,
    verbose: Verbose = False,
    json: Json = False,
) -> int:
    """Train the problem on each backend and explain the steps; return 0."""
    from perceptron.backends.registry import DEFAULT
    from perceptron.questions.walkthrough.figures import pictures
    from perceptron.questions.walkthrough.sentences import document, rendered
    from perceptron.questions.walkthrough.training import walkthrough as train
    from perceptron.report import documents
    from perceptron.report.tables import terminal

    if save is not None:
        optional.require("pages", "matplotlib")
    backends = backend or DEFAULT
    with terminal.progress_bar(problem) as bar:
        walk = train(problem, backends, activation, bar)
    if json:
        documents.write(document(walk))
    else:
        for part in rendered(walk, verbose):
            terminal.show(part)
        command = "bench --quick" if problem == "or-gate" else f"overhead --problem {problem}"
        terminal.show_next(f"perceptron {command}")
    if save is not None:
        from perceptron.report.charts import style  # needs matplotlib

        for picture in pictures(walk):
            terminal.err.print(f"wrote {style.save(picture, save)}")
    return 0
