"""`perceptron race`: which backend has a model trained first."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from perceptron.commands.shared import arguments
from perceptron.commands.shared.ending import INCONCLUSIVE, close
from perceptron.commands.shared.fleet_options import hand_over, may_run_on_a_fleet
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
def race(
    problem: Annotated[
        str, typer.Option(metavar="P", help="A problem with a held-out part: digits, FILE.toml.")
    ] = "digits",
    target: Annotated[
        str, typer.Option(metavar="accuracy=A|loss=L", help="To reach on the held-out part.")
    ] = "accuracy=0.95",
    backends: Annotated[
        list[str] | None,
        typer.Option("--backends", "--backend", metavar="NAME …", help="Who races."),
    ] = None,
    dtype: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME …", help="float32, float64, bfloat16. Default: float32."),
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(metavar="N", help="Trainings of each. Default: 7.")
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(metavar="N", help="Give up after so many. Default: the problem's."),
    ] = None,
    threads: arguments.Threads = None,
    processes: arguments.Processes = None,
    wait: arguments.Wait = None,
    machine: arguments.Machine = None,
    budget: arguments.Budget = None,
    results: arguments.Results = Path("results"),
    html: arguments.HtmlOfAnswer = None,
    json: arguments.Json = False,
) -> None:
    """Which backend has my model trained first: from a fresh process, and resident."""
    from perceptron.errors import UserError
    from perceptron.problems.catalogue import find
    from perceptron.records.race import RACE_DTYPES
    from perceptron.report import documents
    from perceptron.report.tables import race as table
    from perceptron.report.tables import terminal
    from perceptron.studies.race import race as study
    from perceptron.studies.race.plan import SEEDS, RacePlan
    from perceptron.studies.shared.over_processes import backends_over

    if epochs is not None and epochs < 1:
        raise UserError(f"--epochs must be at least 1, got {epochs}")
    plan = RacePlan(
        problem=find(problem),
        target=target,
        backends=backends_over(
            split("--backends", backends), whole_numbers("--processes", processes)
        ),
        dtypes=tuple(
            one_of("--dtype", name, RACE_DTYPES) for name in split("--dtype", dtype) or ("float32",)
        ),
        seeds=SEEDS if seeds is None else seeds,
        epochs=epochs or 0,
        threads=one_number("--threads", threads),
    )
    seconds = seconds_of("--budget", budget) or study.BUDGET_SECONDS
    hand_over(seconds)
    pages = prepare(html, by_default=not json)
    announce_skipped(plan.backends)
    with terminal.progress_bar("racing", seconds) as bar:
        pages.load()
        result = study.race(
            plan, folder_name("--machine", machine), results, bar, seconds, quiet(wait)
        )
        page = pages.write_race(results, result)
    terminal.show_warnings(result.warnings)
    if json:
        documents.write(documents.race(result, page.file))
    else:
        table.show(result)
        terminal.show_paths(result.results, page.address)
    overhead = shlex.join(["perceptron", "overhead", "--problem", problem])
    close(result.warnings, None if json else overhead)
    if not result.is_decided:
        raise typer.Exit(INCONCLUSIVE)
