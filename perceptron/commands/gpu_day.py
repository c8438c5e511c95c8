"""`perceptron gpu-day`: everything that half an hour with a GPU can tell."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from perceptron.commands.shared.arguments import Json
from perceptron.commands.shared.options import folder_name, number_ranges, seconds_of
from perceptron.errors import UserError


def gpu_day(
    results: Annotated[
        Path, typer.Option(metavar="DIR", help="Where everything is kept; the next call resumes.")
    ] = Path("gpu-day"),
    stage: Annotated[
        list[str] | None,
        typer.Option(metavar="N …", help="Only these, as in 3 or 3-5, even if done already."),
    ] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Print the stages and end.")] = False,
    rehearse: Annotated[
        bool, typer.Option("--rehearse", help="Here, with the CPU in the GPU's place.")
    ] = False,
    budget: Annotated[
        float | None,
        typer.Option(metavar="MINUTES", help="How long this call may take. Default: 9.5."),
    ] = None,
    machine: Annotated[
        str | None, typer.Option(metavar="NAME", help="Name for the results. Default: the GPU's.")
    ] = None,
    archive: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The one file to bring home: DIR/gpu-day.tar.gz."),
    ] = None,
    unpack: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Unpack an archive into --results, and end."),
    ] = None,
    json: Json = False,
) -> None:
    """Measure what half an hour with a GPU can tell, in stages, packed as it goes.

    Stages that have succeeded are not run again: the same command resumes.
    """
    from perceptron.records import gpu_day as records
    from perceptron.report import documents
    from perceptron.report.tables import gpu_day as table
    from perceptron.report.tables import terminal
    from perceptron.studies.gpu_day import STAGES, planned, run_day

    if unpack is not None:
        if stage or plan or rehearse or budget or machine or archive:
            raise UserError("--unpack takes no other options but --results and --json")
        runs = records.unpack(unpack, results)
        if json:
            documents.write({"unpacked": runs, "results": results})
        else:
            for run in runs:
                terminal.out.print(str(results / run), markup=False, soft_wrap=True)
        return
    numbers = number_ranges("--stage", stage, len(STAGES))
    if plan:
        stages = planned(numbers, rehearse)
        if json:
            documents.write({"plan": stages})
        else:
            table.show_plan(stages)
        return
    named, allowed = folder_name("--machine", machine), seconds_of("--budget", budget)
    result = run_day(
        results,
        records.open_day(results, rehearse),
        archive or results / records.ARCHIVE,
        named,
        numbers,
        allowed,
        table.note_begun,
        table.note_ended,
    )
    if json:
        documents.write(result)
    else:
        table.show(result)
    if any(outcome.is_bad_news for outcome in result.stages):
        raise typer.Exit(1)
