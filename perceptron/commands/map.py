"""`perceptron map`: which backend wins where, on two size axes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from perceptron.commands.shared import arguments
from perceptron.commands.shared.ending import close
from perceptron.commands.shared.fleet_options import hand_over, may_run_on_a_fleet
from perceptron.commands.shared.list_command import typed_without
from perceptron.commands.shared.options import (
    folder_name,
    one_number,
    one_of,
    seconds_of,
    split,
    whole_numbers,
)
from perceptron.commands.shared.pages import prepare
from perceptron.commands.shared.quiet import quiet
from perceptron.commands.shared.skipped import announce_skipped


@may_run_on_a_fleet
def map(  # noqa: A001 named as the command
    family: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="A family with two axes: mlp-map, batch-width, models-width."
        ),
    ] = None,
    points: Annotated[
        int,
        typer.Option(
            metavar="N", show_default=False, help="Sizes along each axis; default 16, quick 8."
        ),
    ] = 0,
    backends: arguments.Backends = None,
    threads: arguments.Threads = None,
    processes: arguments.Processes = None,
    dtype: arguments.DTypeName = "float32",
    quick: Annotated[bool, typer.Option("--quick", help="A look: a coarse map.")] = False,
    wait: arguments.Wait = None,
    machine: arguments.Machine = None,
    budget: arguments.Budget = None,
    results: arguments.Results = Path("results"),
    html: arguments.HtmlOfAnswer = None,
    json: arguments.Json = False,
) -> None:
    """Map which backend wins where on two size axes, and by how much."""
    from perceptron.problems.problem import DTYPES
    from perceptron.report import documents
    from perceptron.report.tables import phase_map as table
    from perceptron.report.tables import terminal
    from perceptron.studies import map as study
    from perceptron.studies.shared.over_processes import backends_over

    plan = study.MapPlan(
        family=study.MAP if family is None else family,
        points=points,
        backends=backends_over(
            split("--backends", backends), whole_numbers("--processes", processes)
        ),
        dtype=one_of("--dtype", dtype, DTYPES),
        threads=one_number("--threads", threads),
        quick=quick,
    )
    seconds = seconds_of("--budget", budget) or plan.budget_seconds
    hand_over(seconds)
    pages = prepare(html, by_default=not json)
    announce_skipped(plan.backends)
    with terminal.progress_bar("mapping", seconds) as bar:
        pages.load()
        result = study.map_family(
            plan, folder_name("--machine", machine), results, bar, seconds, quiet(wait)
        )
        page = pages.write_map(results, result)
    terminal.show_warnings(result.warnings)
    if json:
        documents.write(documents.phase_map(result, page.file))
    else:
        table.show(result)
        terminal.show_paths(result.results, page.address)
    close(result.warnings, typed_without("--quick") if quick and not json else None)
