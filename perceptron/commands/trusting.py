"""Trusting the answers: the gate, the locator and this machine put to the test."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from perceptron.commands.shared.arguments import Json, Machine, Results, Threads
from perceptron.commands.shared.options import folder_name, whole_numbers


def proof(
    runs: Annotated[
        int, typer.Option(min=1, metavar="N", help="In which nothing changes; others beside them.")
    ] = 200,
    minutes: Annotated[
        float | None, typer.Option(min=0, metavar="M", help="Begin no run after so long.")
    ] = None,
    report: Annotated[
        bool, typer.Option("--report", help="Measure nothing: judge the runs that are there.")
    ] = False,
    save: Annotated[
        Path | None, typer.Option(metavar="FILE.md", help="Write the tables with date and machine.")
    ] = None,
    machine: Machine = None,
    results: Results = Path("results"),
    json: Json = False,
) -> None:
    """Does the gate cry wolf, does it sleep? Whole runs of it; goes on where it stopped."""
    from perceptron.measure.environment import machine_name
    from perceptron.measure.revision import revision
    from perceptron.report import documents, text_file
    from perceptron.report.tables import console, terminal
    from perceptron.validation.gate import prove as gate

    if save is not None:
        text_file.reserve(save)
    name = folder_name("--machine", machine) or machine_name()
    request = gate.ProofRequest(name, results, runs, minutes, report, revision())
    with terminal.progress_bar("proving") as bar:
        found = gate.prove(request, bar)
    if json:
        documents.write(found)
    else:
        console.show_proof(found)
    if save is not None:
        from perceptron.validation.gate.shown import page

        terminal.err.print(f"wrote {page.save(save, found)}", soft_wrap=True)
    if any(target.met is False for target in found.targets):
        raise typer.Exit(1)


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
    from perceptron.report.tables import console, terminal
    from perceptron.validation.locator import table
    from perceptron.validation.locator.truth import truth as study

    if save is not None:
        text_file.reserve(save)
    with terminal.progress_bar("trying") as bar:
        found = study(worlds, seed, bar)
    if json:
        documents.write(found)
    else:
        console.show_truth(found)
    if save is not None:
        terminal.err.print(f"wrote {table.save(save, found)}", soft_wrap=True)


def doctor(threads: Threads = None, json: Json = False) -> None:
    """What on this machine makes timings untrustworthy, and what to do about it."""
    from perceptron.measure.environment import usable_cores
    from perceptron.report import documents
    from perceptron.report.tables import doctor as diagnosis
    from perceptron.report.tables import terminal
    from perceptron.studies import doctor as study

    with terminal.progress_bar("looking") as bar:
        found = study.doctor(max(whole_numbers("--threads", threads) or (usable_cores(),)), bar)
    if json:
        documents.write(documents.doctor(found))
    else:
        diagnosis.show(found)
    if found.warnings:
        raise typer.Exit(1)
