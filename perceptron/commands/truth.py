"""`perceptron truth`: how often is the locator right?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from perceptron.commands.shared.arguments import Json


def truth(
    worlds: Annotated[int, typer.Option(min=1, metavar="N", help="Simulated worlds.")] = 2000,
    seed: Annotated[int, typer.Option(min=0, metavar="S", help="Other worlds.")] = 1,
    save: Annotated[
        Path | None, typer.Option(metavar="FILE.md", help="Write the tables with date and machine.")
    ] = None,
    json: Json = False,
) -> None:
    """Is the suite right? Crossovers and maps of simulated worlds, whose answers are known."""
    from perceptron.report import documents, text_file
    from perceptron.report.tables import terminal
    from perceptron.validation.locator import table
    from perceptron.validation.locator.truth import truth as study

    if save is not None:
        text_file.reserve(save)
    with terminal.progress_bar("trying") as bar:
        result = study(worlds, seed, bar)
    if json:
        documents.write(result)
    else:
        table.show(result)
    if save is not None:
        terminal.err.print(f"wrote {table.save(save, result)}", soft_wrap=True)
