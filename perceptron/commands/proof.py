"""`perceptron proof`: how often is the gate wrong?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from perceptron import optional
from perceptron.commands.shared.arguments import Json, Machine, Results, SaveTables
from perceptron.commands.shared.options import folder_name, one_of, split


def proof(
    runs: Annotated[
        int, typer.Option(min=1, metavar="N", help="In which nothing changes; others beside them.")
    ] = 200,
    kind: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Measure these kinds only, N runs each."),
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(min=0, metavar="M", help="Begin no run after so long.")
    ] = None,
    report: Annotated[
        bool, typer.Option("--report", help="Measure nothing: judge the runs that are there.")
    ] = False,
    save: SaveTables = None,
    machine: Machine = None,
    results: Results = Path("results"),
    json: Json = False,
) -> None:
    """Measure how often the gate is wrong, in whole runs of it; resume where it stopped."""
    from perceptron.machine import machine_name
    from perceptron.measure.revision import revision
    from perceptron.report import documents, text_file
    from perceptron.report.tables import terminal
    from perceptron.validation.gate import prove as gate
    from perceptron.validation.gate.runs.kinds import BY_NAME
    from perceptron.validation.gate.shown import table

    kinds = tuple(one_of("--kind", name, tuple(BY_NAME)) for name in split("--kind", kind))
    if save is not None:
        optional.require("pages", "matplotlib")
        text_file.reserve(save)
    name = folder_name("--machine", machine) or machine_name()
    request = gate.ProofRequest(name, results, runs, minutes, report, revision(), kinds)
    with terminal.progress_bar("proving") as bar:
        result = gate.prove(request, bar)
    if json:
        documents.write(result)
    else:
        table.show(result)
    if save is not None:
        from perceptron.validation.gate.shown import page

        terminal.err.print(f"wrote {page.save(save, result)}", soft_wrap=True)
    if any(target.met is False for target in result.targets):
        raise typer.Exit(1)
