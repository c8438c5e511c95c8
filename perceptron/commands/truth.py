"""`perceptron truth`: how often is the locator right, and do estimates hold?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from perceptron.commands.shared.arguments import Json
from perceptron.errors import UserError

_WORLDS = 2000
_SEED = 1


def truth(
    worlds: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help=f"Simulated worlds. Default: {_WORLDS}."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, metavar="S", help=f"Other worlds. Default: {_SEED}.")
    ] = None,
    what_if: Annotated[
        bool,
        typer.Option("--what-if", help="Instead, estimates of GPUs beside published times."),
    ] = False,
    network: Annotated[
        bool,
        typer.Option(
            "--network", help="Instead, estimates of networks beside shaped links; root on Linux."
        ),
    ] = False,
    save: Annotated[
        Path | None, typer.Option(metavar="FILE.md", help="Write the tables as Markdown.")
    ] = None,
    json: Json = False,
) -> None:
    """Is the suite right? Crossovers and maps of simulated worlds, whose answers are known."""
    from perceptron.report import text_file
    from perceptron.report.tables import terminal

    given = {"--worlds": worlds, "--seed": seed}
    of_worlds = next((option for option, value in given.items() if value is not None), None)
    others = [
        name for name, is_asked in (("--what-if", what_if), ("--network", network)) if is_asked
    ]
    if others and of_worlds is not None:
        raise UserError(
            f"give {of_worlds}, which is about simulated worlds, or {others[0]}, not both"
        )
    if len(others) > 1:
        raise UserError("give --what-if or --network, not both")
    if save is not None:
        text_file.reserve(save)
    if what_if:
        _published(save, json)
        return
    if network:
        _over_links(save, json)
        return
    from perceptron.report import documents
    from perceptron.validation.locator import table
    from perceptron.validation.locator.truth import truth as study

    with terminal.progress_bar("trying") as bar:
        result = study(_WORLDS if worlds is None else worlds, _SEED if seed is None else seed, bar)
    if json:
        documents.write(result)
    else:
        table.show(result)
    if save is not None:
        terminal.err.print(f"wrote {table.save(save, result)}", soft_wrap=True)


def _published(save: Path | None, json: bool) -> None:
    """Show the estimates beside what others published; nothing is measured."""
    from perceptron.report import documents
    from perceptron.report.tables import terminal
    from perceptron.validation.what_if import table
    from perceptron.validation.what_if.comparison import compare
    from perceptron.validation.what_if.published import published

    result = compare(published())
    if json:
        documents.write(result)
    else:
        table.show(result)
    if save is not None:
        terminal.err.print(f"wrote {table.save(save, result)}", soft_wrap=True)


def _over_links(save: Path | None, json: bool) -> None:
    """Measure over shaped links, and show the estimates beside that."""
    from perceptron.report import documents
    from perceptron.report.tables import terminal
    from perceptron.validation.network import table
    from perceptron.validation.network.check import CheckPlan, check

    with terminal.progress_bar("measuring") as bar:
        result = check(CheckPlan(), bar)
    if json:
        documents.write(result)
    else:
        table.show(result)
    if save is not None:
        terminal.err.print(f"wrote {table.save(save, result)}", soft_wrap=True)
