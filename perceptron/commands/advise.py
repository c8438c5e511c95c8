"""`perceptron advise`: which backend for my shape, on this machine."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from perceptron.commands.shared import arguments, shape_options
from perceptron.commands.shared.ending import INCONCLUSIVE, close
from perceptron.commands.shared.options import (
    folder_name,
    one_number,
    one_of,
    seconds_of,
    split,
    whole_numbers,
)
from perceptron.commands.shared.quiet import quiet
from perceptron.errors import UserError


def advise(
    rows: shape_options.Rows = None,
    features: shape_options.Features = None,
    hidden: shape_options.Hidden = None,
    problem: Annotated[
        str | None,
        typer.Option(metavar="P", help="A problem or a FILE.toml[:SIZE] instead of a shape."),
    ] = None,
    classes: shape_options.Classes = None,
    batch: shape_options.Batch = None,
    optimizer: shape_options.Optimizer = None,
    feed: shape_options.Feed = None,
    models: shape_options.Models = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, metavar="E", help="Of the training: passes over the rows.")
    ] = None,
    iterations: Annotated[
        int | None,
        typer.Option(min=1, metavar="K", help="Default: 10000, or the problem's own."),
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(metavar="S", help="The budget in seconds. Default: 28.")
    ] = None,
    what_if: arguments.WhatIf = None,
    backends: arguments.Backends = None,
    threads: arguments.Threads = None,
    processes: arguments.Processes = None,
    dtype: arguments.DTypeName = "float32",
    wait: arguments.Wait = None,
    machine: arguments.Machine = None,
    budget: arguments.Budget = None,
    results: arguments.Results = Path("results"),
    json: arguments.Json = False,
) -> None:
    """Which backend for my shape on this machine, and at which sizes that changes."""
    from perceptron.analysis.what_if.devices import device
    from perceptron.problems.catalogue import find
    from perceptron.problems.problem import DTYPES
    from perceptron.report import documents
    from perceptron.report.tables import advice, terminal
    from perceptron.studies import advise as study
    from perceptron.studies.shared.many_models import usual_for
    from perceptron.studies.shared.over_processes import backends_over

    given = {
        "--rows": rows,
        "--features": features,
        "--hidden": hidden,
        "--classes": classes,
        "--batch": batch,
        "--optimizer": optimizer,
        "--feed": feed,
        "--models": models,
    }
    of_a_shape = next((option for option, value in given.items() if value is not None), None)
    if problem is not None and of_a_shape is not None:
        raise UserError(f"give {of_a_shape}, which describes a shape, or --problem, not both")
    if seconds is not None and budget is not None:
        raise UserError("give --budget in minutes or --seconds, not both")
    allowed = seconds_of("--budget", budget)
    allowed = allowed or seconds_of("--seconds", seconds, "seconds")
    asked = find(
        problem
        or shape_options.shape_reference(
            rows, features, hidden, classes, batch, optimizer, feed, models
        )
    )
    cores, counts = one_number("--threads", threads), whole_numbers("--processes", processes)
    plan = study.AdvisePlan(
        problem=asked,
        backends=backends_over(split("--backends", backends) or usual_for(asked, counts), counts),
        dtype=one_of("--dtype", dtype, DTYPES),
        threads=cores,
        iterations=iterations,
        epochs=epochs,
    )
    guessed = None if what_if is None else device(what_if)
    allowed = allowed or study.SECONDS
    with terminal.progress_bar("looking", allowed) as bar:
        result = study.advise(
            plan,
            folder_name("--machine", machine),
            results,
            bar,
            guessed,
            allowed,
            quiet(wait),
        )
    terminal.show_warnings(result.warnings)
    if json:
        documents.write(documents.advice(result))
    else:
        advice.show(result)
    overhead = shlex.join(["perceptron", "overhead", "--problem", asked.reference])
    close(result.warnings, None if json or result.advice.use is None else overhead)
    if result.advice.use is None:
        raise typer.Exit(INCONCLUSIVE)
