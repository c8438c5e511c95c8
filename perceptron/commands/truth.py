"""`perceptron truth`: how often is the locator right, and do estimates hold?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from perceptron.commands.shared.arguments import (
    Backends,
    Budget,
    Json,
    Machine,
    Results,
    SaveTables,
    Threads,
)
from perceptron.commands.shared.options import folder_name, one_number, seconds_of, split
from perceptron.errors import UserError

if TYPE_CHECKING:
    from perceptron.validation.fastest.plan import FastestPlan

_WORLDS = 2000
_SEED = 1
# None is the question about simulated worlds; options that are not here are of --fastest alone.
_QUESTIONS_OF: dict[str, tuple[str | None, ...]] = {
    "--worlds": (None,),
    "--seed": (None, "--fastest"),
}


def truth(
    worlds: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help=f"Simulated worlds. Default: {_WORLDS}."),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, metavar="S", help=f"Other worlds, or trainings. Default: {_SEED}."),
    ] = None,
    what_if: Annotated[
        bool,
        typer.Option("--what-if", help="Instead, estimates of GPUs beside published times."),
    ] = False,
    fastest: Annotated[
        bool,
        typer.Option("--fastest", help="Instead, picks of perceptron.fastest beside measurements."),
    ] = False,
    trainings: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Of --fastest: random trainings. Default: 72."),
    ] = None,
    asked: Annotated[
        int | None,
        typer.Option(min=0, metavar="N", help="Of --fastest: those it is asked about."),
    ] = None,
    backends: Backends = None,
    threads: Threads = None,
    budget: Budget = None,
    report: Annotated[
        bool,
        typer.Option("--report", help="Of --fastest: measure nothing, judge the newest run."),
    ] = False,
    machine: Machine = None,
    results: Results = Path("results"),
    save: SaveTables = None,
    json: Json = False,
) -> None:
    """Is the suite right? Crossovers and maps of simulated worlds, whose answers are known."""
    from perceptron.report import text_file
    from perceptron.report.tables import terminal

    questions = {"--what-if": what_if, "--fastest": fastest}
    asked_for = [name for name, is_asked in questions.items() if is_asked]
    if len(asked_for) > 1:
        raise UserError(f"give {asked_for[0]} or {asked_for[1]}, not both")
    question = asked_for[0] if asked_for else None
    given = {
        "--worlds": worlds,
        "--seed": seed,
        "--trainings": trainings,
        "--asked": asked,
        "--backends": backends,
        "--threads": threads,
        "--budget": budget,
        "--report": report or None,
        "--machine": machine,
    }
    for option, value in given.items():
        if value is not None:
            _check_belongs(option, question)
    if save is not None:
        text_file.reserve(save)
    if what_if:
        _published(save, json)
        return
    if fastest:
        name = folder_name("--machine", machine)
        plan = None
        if not report:
            plan = _plan(trainings, asked, seed, split("--backends", backends), threads)
        _picks(plan, seconds_of("--budget", budget), name, results, save, json)
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


def _check_belongs(option: str, question: str | None) -> None:
    """Raise `UserError` for an option of another question than is asked."""
    if question in _QUESTIONS_OF.get(option, ("--fastest",)):
        return
    if option not in _QUESTIONS_OF:
        raise UserError(f"{option} is about --fastest: give that too, or leave {option} out")
    raise UserError(f"give {option}, which is about simulated worlds, or {question}, not both")


def _plan(
    trainings: int | None,
    asked: int | None,
    seed: int | None,
    backends: tuple[str, ...],
    threads: str | None,
) -> FastestPlan:
    from perceptron.validation.fastest.plan import FastestPlan

    return FastestPlan(
        trainings=FastestPlan.trainings if trainings is None else trainings,
        asked=FastestPlan.asked if asked is None else asked,
        seed=FastestPlan.seed if seed is None else seed,
        backends=backends,
        threads=one_number("--threads", threads),
    )


def _picks(
    plan: FastestPlan | None,
    seconds: float | None,
    machine: str | None,
    results: Path,
    save: Path | None,
    json: bool,
) -> None:
    """Measure the plan, or nothing without one, and show how good the picks are."""
    from perceptron.report import documents
    from perceptron.report.tables import terminal
    from perceptron.validation.fastest import table
    from perceptron.validation.fastest.measure import measure
    from perceptron.validation.fastest.result import newest, result_of

    if plan is None:
        folder = newest(results, machine)
    else:
        seconds = seconds or plan.budget_seconds
        with terminal.progress_bar("measuring", seconds) as bar:
            folder = measure(plan, machine, results, bar, seconds)
    result = result_of(folder)
    terminal.show_warnings(result.warnings)
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
