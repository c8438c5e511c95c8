"""`perceptron gpu-day`: half an hour of measuring on a GPU, in stages."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from perceptron.commands.shared.arguments import Json
from perceptron.commands.shared.options import folder_name, number_ranges, seconds_of
from perceptron.errors import UserError


def gpu_day(
    results: Annotated[
        Path, typer.Option(metavar="DIR", help="Keep everything in DIR; the next call resumes.")
    ] = Path("gpu-day"),
    stage: Annotated[
        list[str] | None,
        typer.Option(metavar="N …", help="Run only these, such as 3 or 3-5, even if done already."),
    ] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Print the stages and exit.")] = False,
    rehearse: Annotated[
        bool, typer.Option("--rehearse", help="Rehearse here, with the CPU in the GPU's place.")
    ] = False,
    budget: Annotated[
        float | None,
        typer.Option(metavar="MINUTES", help="Stop this call after so long. Default: 9.5."),
    ] = None,
    machine: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Name the machine of the results. Default: the GPU's."),
    ] = None,
    archive: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Pack everything into FILE. Default: DIR/gpu-day.tar.gz."
        ),
    ] = None,
    unpack: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Unpack an archive into --results, and exit."),
    ] = None,
    json: Json = False,
) -> None:
    """Measure on a GPU for half an hour, in stages, and pack the results.

    The same command resumes: it skips stages that have succeeded.
    """
    from perceptron.records import gpu_day as records
    from perceptron.report import documents
    from perceptron.report.tables import gpu_day as table
    from perceptron.report.tables import terminal
    from perceptron.studies.gpu_day import STAGES, planned, run_day

    if unpack is not None:
        if stage or plan or rehearse or budget or machine or archive:
            raise UserError("--unpack takes only --results and --json beside it")
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
