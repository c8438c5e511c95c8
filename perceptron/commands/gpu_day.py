"""`perceptron gpu-day`: half an hour of measuring on a GPU, in stages."""

from __future__ import annotations

from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from perceptron.commands.shared.arguments import Json
from perceptron.commands.shared.options import a_folder, folder_name, seconds_of, whole_numbers
from perceptron.errors import UserError
from perceptron.numbers import count, memory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perceptron.records.gpu_day import DayResult, Stage, StageOutcome

# What --json prints of a stage, and the columns of the tables.
_PLANNED = ("number", "name", "tells", "seconds")
_PLAN = ("stage>", "name", "measures", "at most>", "in all>")
_OUTCOMES = ("stage>", "name", "outcome", "took>", "rows>")


def gpu_day(
    results: Annotated[
        Path,
        typer.Option(
            metavar="DIR",
            help="Keep everything in DIR; the next call resumes.",
            parser=partial(a_folder, "--results"),
        ),
    ] = Path("gpu-day"),
    stage: Annotated[
        str | None, typer.Option(metavar="N[,N…]", help="Run only these, such as 3 or 3,4.")
    ] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Print the stages and exit.")] = False,
    rehearse: Annotated[
        bool, typer.Option("--rehearse", help="Rehearse here, with the CPU in the GPU's place.")
    ] = False,
    budget: Annotated[
        float | None,
        typer.Option(metavar="MINUTES", help="Stop this call after so long. Default: 9.3."),
    ] = None,
    machine: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Name the machine of the results. Default: the GPU's."),
    ] = None,
    archive: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Pack everything into FILE; an empty DIR begins with it."
        ),
    ] = None,
    unpack: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Unpack an archive into --results, and exit."),
    ] = None,
    json: Json = False,
) -> None:
    """Measure on a GPU for half an hour, in stages that resume.

    The same command resumes: it skips stages that have succeeded. --plan ends with a line to paste
    there.
    """
    from perceptron.measure.revision import revision
    from perceptron.records import gpu_day as records
    from perceptron.report import documents
    from perceptron.report.tables import terminal
    from perceptron.studies.gpu_day import LINE, STAGES, planned, run_day

    if unpack is not None:
        if stage or plan or rehearse or budget or machine or archive:
            raise UserError("--unpack takes only --results and --json beside it")
        runs = records.unpack(unpack, results)
        if json:
            documents.write({"unpacked": runs, "results": results})
        else:
            for run in runs:
                terminal.line(str(results / run))
        return
    numbers = whole_numbers("--stage", stage, example="3,4")
    if max(numbers, default=1) > len(STAGES):
        raise UserError(f"--stage takes numbers from 1 to {len(STAGES)}, got {stage}")
    if plan:
        stages = planned(numbers, rehearse)
        line = LINE.format(commit=revision() or "unknown")
        if json:
            plain = [{name: getattr(stage, name) for name in _PLANNED} for stage in stages]
            documents.write({"plan": plain, "line": line})
        else:
            show_plan(stages)
            terminal.line(line)
        return
    named, allowed = folder_name("--machine", machine), seconds_of("--budget", budget)
    packed_into = archive or results / records.ARCHIVE
    result = run_day(
        results,
        records.open_day(results, rehearse, packed_into),
        packed_into,
        named,
        numbers,
        allowed,
        note_begun,
        note_ended,
    )
    if json:
        documents.write(result)
    else:
        show(result)
    if any(outcome.is_bad_news for outcome in result.stages):
        raise typer.Exit(1)


def show_plan(stages: Sequence[Stage]) -> None:
    """Print the stages with their seconds, and the sum up to each."""
    from perceptron.report.tables import terminal

    totals = accumulate(stage.seconds for stage in stages)
    rows = [
        (str(stage.number), stage.name, stage.tells, _seconds(stage.seconds), _seconds(total))
        for stage, total in zip(stages, totals, strict=True)
    ]
    terminal.table("A day with a GPU", _PLAN, rows)


def note_begun(stage: Stage) -> None:
    """Print one line on standard error about a stage that begins."""
    _note(stage, f"{stage.tells}, in {_seconds(stage.seconds)} at most")


def note_ended(outcome: StageOutcome) -> None:
    """Print one line on standard error about a stage that has ended."""
    *_, what, took, rows = _cells(outcome)
    _note(outcome, f"{what} ({took}, {rows} rows)")


def _note(stage: Stage | StageOutcome, text: str) -> None:
    from perceptron.report.tables import terminal

    terminal.note(f"stage {stage.number} {stage.name}: {text}")


def show(result: DayResult) -> None:
    """Print the outcome of each stage, and the archive to copy home."""
    from perceptron.report.tables import terminal

    title = "A rehearsal of a day with a GPU" if result.rehearsal else "A day with a GPU"
    terminal.table(title, _OUTCOMES, [_cells(outcome) for outcome in result.stages])
    packed = result.packed
    size = memory(packed.bytes, "KiB")
    terminal.line(f"copy home:  {packed.archive} ({size}, {packed.files} files)")


def _cells(outcome: StageOutcome) -> tuple[str, ...]:
    reason = f": {outcome.reason}" if outcome.reason else ""
    took, rows = _seconds(outcome.seconds), count(outcome.rows)
    return (str(outcome.number), outcome.name, f"{outcome.outcome}{reason}", took, rows)


def _seconds(seconds: float) -> str:
    return f"{seconds:,.0f} s"
