"""`perceptron bench`: the main job."""

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

NO_FAMILY = "none"
"""Typed instead of families: the finding alone."""


@may_run_on_a_fleet
def bench(
    quick: Annotated[bool, typer.Option("--quick", help="A look, within a minute.")] = False,
    families: arguments.Families = None,
    problem: arguments.Problems = None,
    backends: arguments.Backends = None,
    wait: arguments.Wait = None,
    machine: arguments.Machine = None,
    threads: arguments.Threads = None,
    processes: arguments.Processes = None,
    rounds: Annotated[
        str | None,
        typer.Option(
            metavar="N",
            help="Fresh processes for each backend at each size. Default: 8; --quick: 4.",
        ),
    ] = None,
    dtype: arguments.DTypeName = "float32",
    budget: arguments.Budget = None,
    results: arguments.Results = Path("results"),
    html: arguments.Html = None,
    json: arguments.Json = False,
) -> None:
    """Do the main job: the finding, the sweep over sizes, the crossovers, the page."""
    from perceptron.backends.registry import DEFAULT
    from perceptron.problems.catalogue import find_all
    from perceptron.problems.problem import DTYPES
    from perceptron.report import documents
    from perceptron.report.tables import crossover, finding, one_size, terminal
    from perceptron.studies import bench as study
    from perceptron.studies.shared.over_processes import backends_over
    from perceptron.studies.shared.sweep import SWEEP

    own = [member for file in split("--problem", problem) for member in find_all(file)]
    named = split("--families", families)
    typed = split("--backends", backends)
    chosen = backends_over(typed, whole_numbers("--processes", processes))
    plan = study.BenchPlan(
        families=() if named == (NO_FAMILY,) else named or (() if own else SWEEP),
        problems=tuple(own),
        backends=chosen,
        dtype=one_of("--dtype", dtype, DTYPES),
        threads=whole_numbers("--threads", threads),
        quick=quick,
        rounds=one_number("--rounds", rounds),
        beside_finding=() if typed else tuple(name for name in chosen if name not in DEFAULT),
    )
    seconds = seconds_of("--budget", budget) or plan.budget_seconds
    hand_over(seconds)
    pages = prepare(html)
    announce_skipped(plan.backends)
    with terminal.progress_bar("measuring", seconds) as bar:
        pages.load()
        result = study.bench(
            plan, folder_name("--machine", machine), results, bar, seconds, quiet(wait)
        )
        written = pages.write(results)
    terminal.show_warnings(result.warnings)
    if json:
        documents.write(documents.bench(result, written))
    else:
        if result.finding:
            finding.show(result.finding, result.rows)
        crossover.show_pairs(result.crossovers, result.rows)
        one_size.show(result.rows)
        terminal.show_paths(result.results, written)
    following = "perceptron crossover" if not named and not own else None
    if quick:
        following = typed_without("--quick")
    close(result.warnings, None if json else following)
