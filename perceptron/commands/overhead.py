"""`perceptron overhead`: where one iteration's time goes."""

from __future__ import annotations

import shlex
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
def overhead(
    problem: Annotated[
        str, typer.Option(metavar="P", help="A problem, a shape or a FILE.toml[:SIZE].")
    ] = "or-gate",
    backends: arguments.Backends = None,
    threads: arguments.Threads = None,
    processes: arguments.Processes = None,
    dtype: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="float32 or float64; the walk-through's as published."),
    ] = None,
    quick: arguments.Quick = False,
    wait: arguments.Wait = None,
    machine: arguments.Machine = None,
    budget: arguments.Budget = None,
    results: arguments.Results = Path("results"),
    html: arguments.HtmlOfAnswer = None,
    json: arguments.Json = False,
) -> None:
    """Where one iteration's time goes, rung by rung down to the floor."""
    from perceptron.problems.catalogue import find
    from perceptron.problems.problem import DTYPES
    from perceptron.report import documents
    from perceptron.report.tables import ladder, terminal
    from perceptron.studies import overhead as study
    from perceptron.studies.overhead_plan import rungs_over

    plan = study.OverheadPlan(
        problem=(what := find(problem)),
        backends=rungs_over(
            what, split("--backends", backends), whole_numbers("--processes", processes)
        ),
        dtype=None if dtype is None else one_of("--dtype", dtype, DTYPES),
        threads=one_number("--threads", threads),
        quick=quick,
    )
    seconds = seconds_of("--budget", budget) or plan.budget_seconds
    hand_over(seconds)
    pages = prepare(html, by_default=not json)
    announce_skipped(plan.backends)
    with terminal.progress_bar("measuring", seconds) as bar:
        pages.load()
        result = study.overhead(
            plan, folder_name("--machine", machine), results, bar, seconds, quiet(wait)
        )
        page = pages.write_ladder(results, result)
    terminal.show_warnings(result.warnings)
    if json:
        documents.write(documents.overhead(result, page.file))
    else:
        ladder.show(result)
        terminal.show_paths(result.results, page.address)
    advise = shlex.join(["perceptron", "advise", "--problem", problem])
    following = typed_without("--quick") if quick else advise
    close(result.warnings, None if json else following)
